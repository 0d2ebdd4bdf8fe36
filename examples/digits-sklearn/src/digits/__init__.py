"""Handwritten digits with scikit-learn."""
