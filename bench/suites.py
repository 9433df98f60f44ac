"""Suites of many small trainings, which several areas run, plan or look at."""


def write_suite(path, rows, trials=1, method="baseline"):
    """rows x trials trainings and as many evaluations, behind a shard and a seal."""
    text = (f'suite = "{path.stem}"\ntitle = "Many"\n[defaults]\nmethod = "{method}"\nbackbone = "resnet-small"\ntrials = {trials}\n'
            'train.identities = 4\n[[dataset]]\nid = "people"\nsource = "synthetic"\nidentities = 12\n'
            '[[table]]\nid = "main"\ntitle = "Main"\nmetrics = ["mAP"]\ndatasets = ["people"]\n')
    for row in range(1, rows + 1):
        text += f'[[table.row]]\nid = "row-{row}"\nlabel = "{row} steps"\ntrain.steps = {row}\n'
    path.write_text(text, encoding="utf-8")
    return path
