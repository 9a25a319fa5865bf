"""What screens are made of. A widget draws and reports keys; it knows neither socket nor session."""
