"""The one logger, by which programs that use xtalgraph choose what they are told."""

import logging
from typing import Final

log: Final = logging.getLogger("xtalgraph")
