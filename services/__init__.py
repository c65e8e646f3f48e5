"""The system under observation: four services over a Redis stream."""

import os

# gRPC reads this when it is first imported. The lines of its C core would stand among our JSON lines, a line for every
# caller that speaks no TLS.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # noqa: TID251  it is a setting of gRPC, not of ours
