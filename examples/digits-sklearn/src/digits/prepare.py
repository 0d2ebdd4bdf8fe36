import json
import os
import sys

import numpy
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

target = sys.argv[1]
seed = json.loads(os.environ["SLUICE_PARAMS"])["seed"]
images, labels = load_digits(return_X_y=True)
rows = numpy.column_stack([images, labels]).astype(int)
train, test = train_test_split(rows, test_size=0.25, random_state=seed)
os.makedirs(target, exist_ok=True)
numpy.savetxt(f"{target}/train.csv", train, fmt="%d", delimiter=",")
numpy.savetxt(f"{target}/test.csv", test, fmt="%d", delimiter=",")
