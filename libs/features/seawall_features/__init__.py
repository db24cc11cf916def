"""Features: one declaration each, evaluated as a stream."""

from .catalogue import FEATURES, version_of
from .feature import Feature
from .streaming import FeatureStream
