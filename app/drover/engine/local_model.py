from typing import Any
LocalModel: Any = None
fetch_weights: Any = None
def find_weights(d: Any = None) -> Any: return None
model_facts: Any = None
