"""What reverse mode along one image's line keeps from caption to caption: it is the same for all of them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

Pullback = Callable[[Tensor], tuple[Tensor]]
"""What follows from a cotangent of the embeddings for the hidden states."""

ROOM = 1 << 25
"""Numbers that all kept graphs may hold: 128 MiB in float32."""


@dataclass
class Held:
    """Graphs and embeddings of one line by their nodes, the first ones that there is room for.

    What is kept is what would be worked out anew: no number changes. Drop it with its image.
    """

    room: int = ROOM
    """Numbers, of graphs."""
    _graphs: dict[tuple[float, ...], tuple[Tensor, Pullback]] = field(default_factory=dict, repr=False)
    _values: dict[float, Tensor] = field(default_factory=dict, repr=False)

    def graph(self, nodes: Tensor, size: int, made: Callable[[], tuple[Tensor, Pullback]]) -> tuple[Tensor, Pullback]:
        """The embeddings at nodes [N] and their graph, which holds `size` numbers."""
        key = tuple(nodes.tolist())
        found = self._graphs.get(key) or made()
        if key not in self._graphs and size <= self.room:
            self._graphs[key] = found
            self.room -= size
        return found

    def value(self, made: Callable[[Tensor], Tensor], node: Tensor) -> Tensor:
        """The embedding [1, D] at one node [1]."""
        key = float(node)
        if key not in self._values:
            self._values[key] = made(node)
        return self._values[key]
