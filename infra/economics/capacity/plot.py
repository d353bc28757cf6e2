"""The simulation's result as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from infra.economics.capacity.simulation import SimulatedSystem, SimulationResult, simulate

SYSTEMS: Final = {
    "6 partitions, 1 vCPU": SimulatedSystem(),
    "6 partitions, 1 vCPU, gives up late": SimulatedSystem(gives_up_early=False),
    "6 partitions, 4 vCPU": SimulatedSystem(processors=4),
    "24 partitions, 1 vCPU": SimulatedSystem(partitions=24),
}
_STEPS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0)


def curve(system: SimulatedSystem) -> list[SimulationResult]:
    """Return the results from a tenth of the system's limit to twice the limit."""
    return [simulate(system, step * system.limit) for step in _STEPS]


def draw(path: Path) -> None:
    """Write the picture as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "capacity"  # the same file each time
    from matplotlib import pyplot as plt

    figure, (time, carried) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for name, system in SYSTEMS.items():
        outcomes = curve(system)
        offered = [outcome.offered for outcome in outcomes]
        (line,) = time.plot(offered, [o.p99_s for o in outcomes], label=f"{name}, p99")
        time.plot(offered, [o.p50_s for o in outcomes], ":", color=line.get_color())
        carried.plot(offered, [o.answered for o in outcomes], label=name)
    time.set(xlabel="logins a second", ylabel="seconds (dotted: p50)", yscale="log", xscale="log")
    carried.set(xlabel="logins a second", ylabel="answered in time, a second", xscale="log")
    carried.set_yscale("log")
    for axes in (time, carried):
        axes.legend(fontsize="small")
        axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})
