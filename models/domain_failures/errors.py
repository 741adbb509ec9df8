"""What can be wrong with a question about failure domains: one class per mistake."""

from models.errors import ModelError


class EventTooSmallError(ModelError):
    """An event of fewer than two nodes, which nothing can be shared in."""

    def __init__(self, event: int, nodes: int) -> None:
        super().__init__(f"event {event} has {nodes} nodes; only what befell two or more can be held against domains")


class RepeatedNodeError(ModelError):
    """A node that is named twice in one event."""

    def __init__(self, event: int, node: int) -> None:
        super().__init__(f"node {node} is in event {event} twice; name every node of an event once")


class UnknownNodeError(ModelError):
    """A node that the fleet does not have."""

    def __init__(self, node: int, nodes: int) -> None:
        super().__init__(f"node {node} is none of the {nodes} nodes of the fleet, which count from 0")


class NotInServiceError(ModelError):
    """A node of an event that was not in service when it happened."""

    def __init__(self, event: int, node: int) -> None:
        super().__init__(f"node {node} is in event {event} but was not in service then; only nodes in service can fail")


class MembersMismatchError(ModelError):
    """Domains over another number of nodes than the fleet has."""

    def __init__(self, columns: int, nodes: int) -> None:
        super().__init__(f"the domains are over {columns} nodes, the fleet has {nodes}; give one column per node")
