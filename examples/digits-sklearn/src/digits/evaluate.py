import json
import os
import sys

import numpy

model_path, source, target = sys.argv[1:]
with open(model_path) as file:
    model = json.load(file)
rows = numpy.loadtxt(source, delimiter=",")
scores = rows[:, :-1] / 16 @ numpy.array(model["weights"]).T + numpy.array(model["bias"])
accuracy = float((scores.argmax(axis=1) == rows[:, -1].astype(int)).mean())
os.makedirs(target, exist_ok=True)
with open(f"{target}/metrics.json", "w") as file:
    json.dump({"accuracy": round(accuracy, 6), "n_test": len(rows)}, file, indent=2)
    file.write("\n")
