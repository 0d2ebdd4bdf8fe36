import json
import os
import sys

import numpy
from sklearn.linear_model import LogisticRegression

source, target = sys.argv[1:]
params = json.loads(os.environ["SLUICE_PARAMS"])
rows = numpy.loadtxt(source, delimiter=",")
model = LogisticRegression(C=params["train"]["regularisation"], max_iter=200, random_state=params["seed"])
model.fit(rows[:, :-1] / 16, rows[:, -1].astype(int))
with open(target, "w") as file:
    json.dump({"weights": model.coef_.round(6).tolist(), "bias": model.intercept_.round(6).tolist()}, file)
    file.write("\n")
