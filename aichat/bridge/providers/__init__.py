"""One provider a file. `base` is the contract."""
