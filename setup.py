"""What setup.cfg cannot say: `web/` lies beside the package in a checkout, and inside it wherever it is installed."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["radiostream", "radiostream.*"]), "radiostream.web"],
    package_dir={"radiostream.web": "web"},
)
