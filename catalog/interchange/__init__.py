"""Other collections' files: recognised by content, verified, converted without loss."""

from catalog.interchange.border import BorderScheme
from catalog.interchange.detecting import FORMATS, detect
from catalog.interchange.reading import Options, Reading, read_files
from catalog.interchange.scheme import Scheme
from catalog.interchange.writing import ENDINGS, export

__all__ = ["ENDINGS", "FORMATS", "BorderScheme", "Options", "Reading", "Scheme", "detect", "export", "read_files"]
