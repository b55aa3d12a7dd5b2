"""Where things are on disk: the folders of a profile, and the resources that ship with Drover."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from drover.errors import LibraryError


@dataclass(frozen=True, slots=True)
class Profile:
    """One person's data: everything Drover writes lies under these folders, except keys."""

    data_dir: Path
    """Database, downloaded weights."""
    log_dir: Path

    @property
    def database(self) -> Path:
        """The library of conversations."""
        return self.data_dir / "library.sqlite3"

    @property
    def lock(self) -> Path:
        """Held by the one process that may write."""
        return self.data_dir / "drover.lock"

    @property
    def models_dir(self) -> Path:
        """Weights fetched on request."""
        return self.data_dir / "models"

    @staticmethod
    def at(directory: Path) -> Profile:
        """A profile that lives wholly in one folder."""
        return Profile(data_dir=directory, log_dir=directory / "logs")

    @staticmethod
    def standard() -> Profile:
        """The profile of the person who is logged in, where the system keeps such data."""
        import platformdirs

        return Profile(
            data_dir=Path(platformdirs.user_data_dir("drover", appauthor=False)),
            log_dir=Path(platformdirs.user_log_dir("drover", appauthor=False)),
        )

    def create(self) -> None:
        """Makes the folders. Raises LibraryError in words if that is impossible."""
        try:
            for directory in (self.data_dir, self.log_dir):
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise LibraryError(
                f"The profile folder {self.data_dir} cannot be made: {error.strerror}.",
                hint="Choose another one with --profile DIR.",
            ) from error


def resource(name: str) -> Path:
    """The path of a file that ships with Drover, such as `icons/send.svg`.

    The same lookup serves the source tree, an installed wheel and a frozen build. Raises FileNotFoundError.
    """
    package = Path(__file__).parent
    candidates = [package / "resources", package.parent.parent / "resources"]
    frozen_root = getattr(sys, "_MEIPASS", None)
    if frozen_root is not None:
        candidates.insert(0, Path(frozen_root) / "resources")
    for root in candidates:
        path = root / name
        if path.exists():
            return path
    raise FileNotFoundError(name)
