"""`python -m services.simulator` generates load on request."""

from services.contracts.generated.lab.simulator.v1.simulator_pb2_grpc import add_SimulatorServiceServicer_to_server
from services.serving.program import Context, Service, run_program
from services.simulator.allocator import return_large_blocks
from services.simulator.servicer import SERVICE, SimulatorServicer
from services.simulator.settings import SimulatorSettings


def build(context: Context[SimulatorSettings]) -> Service:
    """Put the service together."""
    return_large_blocks()
    servicer = SimulatorServicer(context)
    return Service(
        register=lambda server: add_SimulatorServiceServicer_to_server(servicer, server),
        grpc_names=(SERVICE,),
        drained=servicer.close,
    )


if __name__ == "__main__":
    raise SystemExit(run_program("simulator", SimulatorSettings, build))
