"""Reads the packs that `resolute data ingest` makes (docs/inside/formats/pack.md) with h5py, numpy and nothing of resolute."""
import hashlib, json, pathlib, sys
import h5py, numpy

class Pack:
    """`for row in Pack(folder)`: path, identity, camera, subset; hr: the image at network size, H x W x 3 bytes; lr: that
    image shrunk, by rate; view: what a low-resolution camera would have stored, by rate."""
    def __init__(self, folder, check=False):
        self.folder = pathlib.Path(folder)
        text = (self.folder / "pack.json").read_bytes()
        self.seal, self.sha256 = json.loads(text), hashlib.sha256(text).hexdigest()
        if self.seal["schema"] not in (1, 2, 3):
            raise ValueError(f"schema {self.seal['schema']} is not known here")
        if check:
            sealed = {shard["file"]: shard["sha256"] for shard in self.seal["shards"]}
            for name, sha256 in {"manifest.json": self.seal["manifest_sha256"], **sealed}.items():
                with open(self.folder / name, "rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                        raise ValueError(f"{name} is not the file that was sealed")

    def __iter__(self):
        rates = [rate for rate in self.seal["options"]["rates"] if rate > 1]
        for shard in self.seal["shards"]:
            with h5py.File(self.folder / shard["file"], "r", locking=False) as file:
                for n in range(shard["rows"]):
                    row = {"path": bytes(file["path"][n]).rstrip(b"\0").decode(), "identity": int(file["identity"][n]),
                           "camera": int(file["camera"][n]), "subset": ("train", "query", "gallery")[file["subset"][n]],
                           "came_at": int(file["source_rate"][n]) if "source_rate" in file else 1,  # 0: nobody knows
                           "hr": file["hr"][n], "lr": {rate: file[f"lr_{rate}"][n] for rate in rates}, "view": {}}
                    for k, rate in enumerate(rates if row["came_at"] == 1 else []):  # else `hr` is all there is
                        at, height, width = (int(file["lr_view_" + of][n, k]) for of in ("offset", "height", "width"))
                        row["view"][rate] = file["lr_view"][at:at + height * width * 3].reshape(height, width, 3)
                    yield row

if __name__ == "__main__":  # read_pack.py FOLDER: compares it with its seal and tells what is in it
    rows = list(Pack(sys.argv[1], check=True))
    print(f"{len(rows)} images of {len({row['identity'] for row in rows})} identities, mean"
          f" {numpy.mean([row['hr'].mean() for row in rows]):.2f}")
