"""F5: encoders, one file per architecture; property models; checkpoints; predictors."""
