"""What pyproject.toml cannot say: the folder `assets` is installed as the package `lladav.assets_data`."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["lladav*"]), "lladav.assets_data"],
    package_dir={"lladav.assets_data": "assets"},
)
