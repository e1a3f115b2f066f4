"""The deck's experiments over many seeds: which of its claims hold, and how surely?

python reproduce.py                                       20 seeds of every experiment
python reproduce.py --experiments mlp_256 cnn --seeds 5   only these
python reproduce.py --scheduler tcp://HOST:8786           on a Dask cluster that is running

With Dask (requirements-study.txt), one run per core is trained in parallel. A finished run is one
row of results/runs.csv and is not run again. Stop at any time; the same command resumes. Rows
computed by other code are kept until --again replaces them.
"""

from digits import flags
from digits.errors import UserError
from study import cluster, experiments, report, schedule
from study.experiments import EXPERIMENTS


def main(args):
    if (args.scheduler or (args.workers or 1) > 1) and not cluster.is_installed():
        raise UserError("this needs Dask: `python -m pip install -r requirements-study.txt`")
    names = list(dict.fromkeys(args.experiments))
    pairs = [(name, seed) for seed in range(args.seeds) for name in names]
    missing = schedule.find_missing(pairs, experiments.read_rows(), args.again)
    print(f"{len(pairs)} runs, {len(missing)} of them to do", flush=True)
    if missing:
        schedule.train_missing(args, missing)
    else:
        print(f"They are in {experiments.ROWS} already; --again repeats those of other code")
    report.write_report(experiments.read_rows())


parser = flags.argument_parser(__doc__)
add = parser.add_argument
add("--seeds", type=flags.bounded(int, 1, 10**6), default=20, help="number of seeds, from 0 on")
chosen = {"nargs": "+", "choices": EXPERIMENTS, "default": list(EXPERIMENTS), "metavar": "NAME"}
add("--experiments", **chosen, help="any of these")
add("--again", action="store_true", help="also replace the rows that other code has computed")
group = parser.add_argument_group("where it runs")
add = group.add_argument
add("--threads", type=flags.bounded(int, 1), help="CPU threads per run (default: 1; alone, all)")
add = group.add_mutually_exclusive_group().add_argument
add("--workers", type=flags.bounded(int, 1), help="parallel runs (default: one per core with Dask)")
add("--scheduler", metavar="ADDRESS", help="address of a Dask scheduler whose workers are used")

if __name__ == "__main__":
    flags.run_command(main, parser)
