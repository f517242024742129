"""Training of the detector: corpus, augmentation, train, evaluate, export. Imports `denwaban`, never the other way."""
