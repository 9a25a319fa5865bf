"""Packaging: metadata is in pyproject.toml; here is only where the packages lie.

The clients and `sql/` live outside `aichat/` but install beside and into it. An editable install must put the
checkout itself on sys.path (else Twisted does not see `twisted/plugins/`), so it remaps nothing and names
the client folders in a `.pth` file instead.
"""

import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
CLIENTS = {"aichat_qt": "clients/qt", "aichat_tui": "clients/tui"}


EDITABLE = "editable_wheel" in sys.argv


class BuildPy(build_py):
    """In an editable build, names the client folders in a `.pth`."""

    def run(self) -> None:
        super().run()
        if EDITABLE:
            target = Path(self.get_finalized_command("install").install_lib)
            target.mkdir(parents=True, exist_ok=True)
            (target / "aichat-clients.pth").write_text("".join(f"{HERE / root}\n" for root in CLIENTS.values()))


packages = [*find_packages(".", include=["aichat", "aichat.*"]), "aichat.bridge.licences", "twisted.plugins"]
package_dir = {"": "."}
if not EDITABLE:
    for root in CLIENTS.values():
        for package in find_packages(root):
            packages.append(package)
            package_dir[package] = f"{root}/{package.replace('.', '/')}"
    for folder in ("icons", "translations"):
        packages.append(f"aichat_qt.{folder}")
        package_dir[f"aichat_qt.{folder}"] = f"clients/qt/aichat_qt/{folder}"
    for package in ("aichat.sql", "aichat.sql.migrations", "aichat.sql.queries"):
        packages.append(package)
        package_dir[package] = package.removeprefix("aichat.").replace(".", "/")

setup(
    package_dir=package_dir,
    packages=packages,
    package_data={
        "aichat.bridge.licences": ["*"],
        "aichat.page": ["*"],
        "aichat.personas": ["*"],
        "aichat.sql.migrations": ["*.sql"],
        "aichat.sql.queries": ["*.sql"],
        "aichat_qt.icons": ["*"],
        "aichat_qt.translations": ["*.qm"],
        "aichat_tui": ["*.tcss", "locale/*/LC_MESSAGES/*.mo"],
    },
    cmdclass={"build_py": BuildPy},
)
