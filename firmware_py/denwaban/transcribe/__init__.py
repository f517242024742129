"""Speech recognition: models, their catalogue, and one recogniser per call."""
