"""The item kinds, one module each. To add a kind: write its module, add it here and to ``item.KIND_TITLES``."""

from __future__ import annotations

from question_bank.kinds import case, multiple, short, single, true_false
from question_bank.kinds.kind import Kind

#: name -> kind, in the order in which papers ask them.
KINDS: dict[str, Kind] = {
    module.KIND.name: module.KIND for module in (single, multiple, true_false, short, case)
}  # fmt: skip
