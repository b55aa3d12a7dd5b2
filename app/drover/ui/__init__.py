"""Qt: draws domain values and calls the verbs of the engine."""
