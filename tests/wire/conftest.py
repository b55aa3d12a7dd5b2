from __future__ import annotations

from hypothesis import settings

# A busy machine is no reason to fail: how long an example takes says nothing here.
settings.register_profile("without a deadline", deadline=None)
settings.load_profile("without a deadline")
