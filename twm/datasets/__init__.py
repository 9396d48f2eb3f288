"""MNIST and CIFAR-10: found on this machine, or downloaded and checked; and a few images that come with the library.

A file is looked for in the folder that TWM_DATA_DIR names, then in the user's cache. What is not there is downloaded into
the cache from the first mirror that answers. Every file is checked; a wrong one is an error that names it, not a reason to
look elsewhere.
"""

from twm.datasets.files import cache_dir, data_folders, find_file
from twm.datasets.images import (
    CIFAR10_FILES,
    MNIST_FILES,
    Images,
    describe_data,
    load_cifar10,
    load_mnist,
    load_small_mnist,
)

__all__ = [
    "CIFAR10_FILES",
    "MNIST_FILES",
    "Images",
    "cache_dir",
    "data_folders",
    "describe_data",
    "find_file",
    "load_cifar10",
    "load_mnist",
    "load_small_mnist",
]
