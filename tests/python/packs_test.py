"""Batches from Python: the images of the pack as Pillow and the documented formula give them, whatever the threads, ranks and the
step where a loader begins; and memory that stays while somebody keeps it."""

import copy
import functools
import gc
import json
import os
import pickle
import subprocess
import threading
import unittest

import numpy
from package import BUILD, PackTest, program, refused, resolute, torch_python
from PIL import Image

MEAN, DEVIATION = (numpy.array(values, numpy.float32) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


def same(a, b):
    return a.step == b.step and all(numpy.array_equal(getattr(a, name), getattr(b, name))
                                    for name in ("hr", "lr", "labels", "rows", "rates", "has_hr", "has_label"))


class Packs(PackTest):
    def batches(self, **options):
        return list(self.pack.loader(self.split, **{"identities": 4, "images": 3, "steps": 6, "arrays": "numpy", **options}))

    def test_rows_and_images_are_those_of_the_raw_folder(self):
        self.assertEqual(96, len(self.pack))
        for number in (0, 17, 95):
            row = self.pack.rows[number]
            with Image.open(self.folder / "raw" / row["path"]) as raw:
                pixels = raw.convert("RGB")
            expected = pixels.resize((self.pack.width, self.pack.height), Image.Resampling.BILINEAR)
            self.assertTrue(numpy.array_equal(numpy.asarray(expected), self.pack.image(number)))
            self.assertEqual((raw.height // 3, raw.width // 3, 3), self.pack.image(number, 3).shape)
            self.assertEqual((21, 10, 3), self.pack.image(number, 3, copies_from="network").shape)
            self.assertEqual((row["identity"], row["camera"]), (self.pack.identities[number], self.pack.cameras[number]))

    def test_batches_are_the_normalised_images(self):
        for batch in self.batches(flip=0, pad=0):
            self.assertEqual((12, 3, 64, 32), batch.hr.shape)
            for i, row in enumerate(batch.rows):
                image = (self.pack.image(row).astype(numpy.float32) / numpy.float32(255) - MEAN) / DEVIATION
                expected = image.transpose(2, 0, 1) if batch.has_hr[i] else numpy.zeros((3, 64, 32), numpy.float32)
                numpy.testing.assert_allclose(batch.hr[i], expected, atol=1e-6)
                view = Image.fromarray(self.pack.image(row, int(batch.rates[i]))).resize((32, 64), Image.Resampling.BILINEAR)
                copy = (numpy.asarray(view).astype(numpy.float32) / numpy.float32(255) - MEAN) / DEVIATION
                numpy.testing.assert_allclose(batch.lr[i], copy.transpose(2, 0, 1), atol=1e-6)

    def test_copies_at_real_rates_are_the_image_at_network_size_shrunk_by_pillow(self):
        drawn = {"flip": 0, "pad": 0, "copies_from": "network", "lr_images": 1}
        for batch in self.batches(copies={"rate": (2.5, 2.5)}, **drawn):
            for i, row in enumerate(batch.rows):
                if not batch.has_hr[i]:
                    continue
                self.assertEqual(3, batch.rates[i])
                small = Image.fromarray(self.pack.image(row)).resize((12, 25), Image.Resampling.BILINEAR)
                view = small.resize((32, 64), Image.Resampling.BILINEAR)
                copy = (numpy.asarray(view).astype(numpy.float32) / numpy.float32(255) - MEAN) / DEVIATION
                numpy.testing.assert_allclose(batch.lr[i], copy.transpose(2, 0, 1), atol=1e-6)
        plain, blurred = (self.batches(copies=copies, **drawn) for copies in (None, {"blur": [0.5, 1.5]}))
        for one, other in zip(plain, blurred):
            self.assertTrue(numpy.array_equal(one.hr, other.hr) and numpy.array_equal(one.rates, other.rates))
            self.assertFalse(numpy.array_equal(one.lr, other.lr))

    def test_a_batch_has_its_identities_and_labels(self):
        for batch in self.batches():
            people = [self.pack.rows[row]["identity"] for row in batch.rows]
            self.assertEqual(4, len(set(people)))
            self.assertEqual(4, len(set(zip(people, batch.labels))))
            self.assertTrue(set(batch.rates) <= {2, 3, 4})
            self.assertEqual([self.pack.rows[row]["camera"] for row in batch.rows], batch.cameras.tolist())

    def test_no_bit_depends_on_threads_or_on_where_a_loader_begins(self):
        all_steps = self.batches(erasing=0.5)
        for options in ({"threads": 1}, {"threads": 3}):
            self.assertTrue(all(map(same, all_steps, self.batches(erasing=0.5, **options))))
        self.assertTrue(all(map(same, all_steps[4:], self.batches(erasing=0.5, first_step=4, steps=2))))
        self.assertFalse(any(map(same, all_steps, self.batches(erasing=0.5, seed=1))))
        degraded = {"copies_from": "network", "copies": {"rate": (2, 4), "noise": (0, 8), "jpeg": (30, 90)}}
        all_steps = self.batches(**degraded)
        for options in ({"threads": 1}, {"threads": 3}):
            self.assertTrue(all(map(same, all_steps, self.batches(**degraded, **options))))
        self.assertTrue(all(map(same, all_steps[4:], self.batches(**degraded, first_step=4, steps=2))))

    def test_numbers_of_numpy_are_settings(self):
        class Three:
            def __index__(self):
                return 3

        settings = {"partition": "official", "lr_camera": 2, "seed": 3, "query_rates": [2, 3]}
        expected = self.pack.split(**settings).sha256
        for camera, seed, rates in ((numpy.int64(2), numpy.uint8(3), numpy.array([2, 3])),
                                    (numpy.int32(2), Three(), [numpy.int16(2), Three()]),
                                    (numpy.array(2), numpy.array(3), (2, numpy.int64(3)))):
            self.assertEqual(expected, self.pack.split(**{**settings, "lr_camera": camera, "seed": seed, "query_rates": rates}).sha256)
        plain = self.batches(rates=[2, 3], flip=0.25, copies={"noise": (0, 8)}, jitter=0.5)
        for images, rates, flip in ((numpy.int8(3), numpy.array([2, 3]), numpy.float32(0.25)),
                                    (Three(), (2, Three()), numpy.float64(0.25))):
            made = self.batches(identities=numpy.int64(4), images=images, rates=rates, flip=flip, steps=numpy.int32(6), hr=numpy.True_,
                                copies={"noise": (numpy.int64(0), numpy.float32(8))}, jitter=numpy.float16(0.5))
            self.assertTrue(all(map(same, plain, made)))
        for bad in (True, numpy.True_, 4.0, numpy.float64(4), numpy.array([4]), "4", numpy.array("4"), numpy.longdouble(4)):
            for call in (lambda bad: self.batches(identities=bad), lambda bad: self.batches(steps=bad), self.pack.image,
                         lambda bad: self.pack.split(partition="official", seed=bad), lambda bad: self.pack.split(lr_camera=bad)):
                refused(self, functools.partial(call, bad))

    def test_colours_are_a_recipes(self):
        plain = self.batches()
        for colours in ({"jitter": 1}, {"jitter": 1, "jitter_hue": 0.5}, {"policy": "rand-augment-colour"},
                        {"policy": "rand-augment-colour", "policy_magnitude": 30}):
            changed = self.batches(**colours)
            self.assertFalse(any(map(same, plain, changed)))
            self.assertTrue(all(map(same, changed, self.batches(threads=3, **colours))))
        self.assertTrue(all(map(same, plain, self.batches(jitter=0, jitter_hue=0.5, policy="none"))))

    def test_ranks_share_a_batch(self):
        for whole, *parts in zip(self.batches(labelled_fraction=0.5),
                                 *(self.batches(labelled_fraction=0.5, rank=rank, ranks=3) for rank in range(3))):
            for name in ("hr", "lr", "labels", "rows", "rates", "has_hr", "has_label"):
                self.assertTrue(numpy.array_equal(getattr(whole, name), numpy.concatenate([getattr(part, name) for part in parts])))

    def test_a_share_of_the_images_keeps_its_labels_in_every_step(self):
        whole, labelled = {}, {}
        for by in ("image", "identity"):
            for batch, part in zip(self.batches(steps=60), self.batches(steps=60, labelled_fraction=0.4, labelled_by=by)):
                self.assertTrue(batch.has_label.all())
                numpy.testing.assert_array_equal(part.labels, numpy.where(part.has_label, batch.labels, -1))
                self.assertTrue(numpy.array_equal(batch.hr, part.hr))
                for row, label, has_label in zip(batch.rows.tolist(), batch.labels.tolist(), part.has_label.tolist()):
                    self.assertEqual(has_label, labelled.setdefault((by, row), has_label))
                    whole.setdefault(label, set()).add(row)
        for rows in whole.values():
            self.assertIn(sum(labelled["image", row] for row in rows) - int(0.4 * len(rows)), (0, 1))
        kept = {label: {labelled["identity", row] for row in rows} for label, rows in whole.items()}
        self.assertTrue(all(len(one) == 1 for one in kept.values()))
        self.assertIn(sum(one == {True} for one in kept.values()) - int(0.4 * len(whole)), (0, 1))
        refused(self, lambda: self.batches(labelled_fraction=1.5), "labelled_fraction")
        refused(self, lambda: self.batches(labelled_by="camera"), "labelled_by")

    def test_images_stay_while_they_are_kept(self):
        loader = self.pack.loader(self.split, identities=4, images=3, arrays="numpy", steps=40)
        kept = {}
        for batch in loader:
            if batch.step % 7 == 0:
                kept[batch.step] = (batch.hr[3:5], batch.hr[3:5].copy())
        loader.close()
        del batch
        gc.collect()
        self.assertEqual(6, len(kept))
        for shown, then in kept.values():
            self.assertTrue(numpy.array_equal(shown, then))

    def test_memory_of_a_usual_loop_is_used_again(self):
        loader = self.pack.loader(self.split, identities=4, images=3, arrays="numpy", lr=False, steps=50)
        places = {batch.hr.__array_interface__["data"][0] for batch in loader}
        self.assertEqual(3, len(places))

    def test_what_was_opened_first_may_be_closed_first(self):
        pack = resolute.Pack(self.pack.folder)
        split = pack.split(partition="official")
        loader = pack.loader(split, identities=2, images=2, arrays="numpy", steps=3)
        split.close()
        pack.close()
        self.assertEqual([0, 1, 2], [batch.step for batch in loader])

    def test_threads_may_ask_one_loader_in_turns(self):
        loader = self.pack.loader(self.split, identities=2, images=2, arrays="numpy", steps=60)
        steps = []
        threads = [threading.Thread(target=lambda: steps.extend(batch.step for batch in loader)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(list(range(60)), sorted(steps))

    def test_a_forked_child_is_told_to_open_its_own(self):
        loader = self.pack.loader(self.split, identities=2, images=2, arrays="numpy")
        next(loader)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                next(loader)
            except resolute.InputError as error:
                os.write(write, str(error).encode())
            del loader
            own = resolute.Pack(self.pack.folder)
            batch = next(own.loader(own.split(partition="official"), identities=2, images=2, arrays="numpy"))
            os.write(write, b"; and then step %d" % batch.step)
            os._exit(0)
        os.close(write)
        self.assertEqual(0, os.waitpid(child, 0)[1])
        with os.fdopen(read) as pipe:
            said = pipe.read()
        self.assertIn("opened by another process", said)
        self.assertIn("and then step 0", said)
        self.assertEqual(1, next(loader).step)

    def test_the_interpreter_may_end_while_batches_are_loaded(self):
        code = f"""
import sys; sys.path.insert(0, {str(BUILD / "python")!r})
import resolute
pack = resolute.Pack({str(self.pack.folder)!r})
loader = pack.loader(pack.split(partition="official"), identities=4, images=3, arrays="numpy")
kept = next(loader).hr[0]
print("done", flush=True)
"""
        for _ in range(5):
            ended = subprocess.run(["/usr/bin/python3", "-c", code], check=False, capture_output=True, text=True, timeout=300)
            self.assertEqual((0, "done\n", ""), (ended.returncode, ended.stdout, ended.stderr))

    def test_a_split_is_the_programs_and_a_published_one_is_read(self):
        program("data", "split", self.pack.folder, "--partition", "official", "--seed", 5, "--out", self.folder / "splits")
        path = self.folder / "splits/split-5.json"
        published = json.loads(path.read_text())
        self.assertEqual(published["sha256"], self.pack.split(partition="official", seed=5).sha256)
        self.assertEqual(published["sha256"], self.pack.split(path).sha256)
        self.assertEqual(published["split"], self.pack.split(path).manifest)

    def test_an_evaluation_sees_enlarged_views(self):
        items = self.split.manifest["query"][:3] + self.split.manifest["gallery"][:3]
        rates = [item.get("rate", 1) for item in items]
        shown = self.pack.inputs([item["row"] for item in items], rates)
        self.assertEqual(((6, 3, 64, 32), numpy.float32), (shown.shape, shown.dtype))
        for image, item, rate in zip(shown, items, rates):
            view = Image.fromarray(self.pack.image(item["row"], rate)).resize((32, 64), Image.Resampling.BILINEAR)
            expected = (numpy.asarray(view).astype(numpy.float32) / numpy.float32(255) - MEAN) / DEVIATION
            self.assertTrue(numpy.array_equal(expected.transpose(2, 0, 1), image))
        refused(self, lambda: self.pack.inputs([0], [7]), "rates 2, 3, 4")
        refused(self, lambda: self.pack.inputs([96], [1]), "no row 96")
        refused(self, lambda: self.pack.inputs([1, 2], [1]), "2 rows and 1 rates")

    def test_galleries_are_drawn_as_the_program_draws_them(self):
        program("data", "split", self.pack.folder, "--partition", "official", "--draws", 5, "--out", self.folder / "drawn")
        gallery = self.split.manifest["gallery"]
        draws = [[gallery[index]["path"] for index in draw] for draw in self.split.gallery_draws(5)]
        self.assertEqual(json.loads((self.folder / "drawn/split-0.json").read_text())["gallery_draws"], draws)
        self.assertEqual([12], [len(draw) for draw in self.split.gallery_draws(1, shots=2)])
        refused(self, lambda: self.split.gallery_draws(0), "draws")
        refused(self, lambda: self.split.gallery_draws(1, shots=1001), "shots")

    def test_joined_packs_are_one_pool_of_people_who_are_apart(self):
        program("data", "synth", "--out", self.folder / "more", "--layout", "market1501", "--identities", 6, "--height", 90, "--width", 40,
                "--seed", 7)
        more = resolute.ingest("market1501", self.folder / "more", self.folder / "of-more", name="more", height=64, width=32,
                               rates=[2, 3, 4])
        of_more = more.split(partition="official")
        pack, split = resolute.Pack.joined([(self.pack, self.split), (more, of_more)])
        own, other = self.split.manifest["train"], of_more.manifest["train"]
        more.close()
        of_more.close()
        self.assertEqual((96 + 48, len(own) + len(other)), (len(pack), len(split.manifest["train"])))
        self.assertEqual(self.split.manifest["train_identities"] + 3, split.manifest["train_identities"])
        self.assertFalse(set(self.pack.identities) & set(pack.identities[96:]) - {0})
        self.assertFalse(set(self.pack.cameras) & set(pack.cameras[96:]))
        labels = {}
        for batch in pack.loader(split, identities=4, images=3, steps=18, flip=0, pad=0, arrays="numpy"):
            for row, label, hr, has_hr in zip(batch.rows, batch.labels, batch.hr, batch.has_hr):
                labels.setdefault(int(label), set()).add(int(pack.identities[row]))
                image = (pack.image(row).astype(numpy.float32) / numpy.float32(255) - MEAN) / DEVIATION
                if has_hr:
                    numpy.testing.assert_allclose(hr, image.transpose(2, 0, 1), atol=1e-6)
        self.assertEqual(list(range(9)), sorted(labels))
        self.assertTrue(all(len(people) == 1 for people in labels.values()))
        refused(self, lambda: resolute.Pack.joined([]), "no pack")

    def test_an_array_is_made_when_it_is_asked_for(self):
        for asked in ("hr", "rates", "has_label"):
            batch, twin = self.batches(steps=1)[0], self.batches(steps=1)[0]
            self.assertEqual(12, len(batch))
            self.assertFalse({"hr", "lr", "labels", "has_hr"} & vars(batch).keys())
            shown = getattr(batch, asked)
            self.assertIs(shown, getattr(batch, asked))
            self.assertEqual({asked}, {"hr", "lr", "labels", "rows", "cameras", "rates", "has_hr", "has_label"} & vars(batch).keys())
            del batch
            gc.collect()
            self.assertTrue(numpy.array_equal(shown, getattr(twin, asked)))
        for wrong in ("images", "_kept_", "hr_"):
            with self.assertRaisesRegex(AttributeError, f"a batch has no '{wrong}' "):
                getattr(twin, wrong)
        for copied in (copy.copy(twin), copy.deepcopy(twin), pickle.loads(pickle.dumps(twin))):
            self.assertTrue(same(twin, copied) and len(copied) == 12)

    def test_batches_come_on_a_device_one_ahead(self):
        if torch_python() is None:
            self.skipTest("torch is not there")
        code = f"""
import sys; sys.path.insert(0, {str(BUILD / "python")!r})
import resolute, torch
pack = resolute.Pack({str(self.pack.folder)!r})
split = pack.split(partition="official")
open = lambda **options: pack.loader(split, identities=4, images=3, steps=5, **options)
names = ("hr", "lr", "labels", "rows", "cameras", "rates", "has_hr", "has_label")
plain = list(open())
for options in ({{"device": "cpu"}}, {{"device": torch.device("cpu"), "pin_memory": True}}, {{"pin_memory": True}}):
    for batch, expected in zip(open(**options), plain):
        assert batch.step == expected.step and all(torch.equal(getattr(batch, name), getattr(expected, name)) for name in names)
        if not torch.cuda.is_available():
            assert batch.hr.data_ptr() == batch._given.hr and not batch.hr.is_pinned(), "a copy"
places = ["meta"] + ["cuda"] * torch.cuda.is_available()
for place in places:
    loader, seen = open(device=place), 0
    for batch, expected in zip(loader, plain):
        seen += 1
        assert batch.step == expected.step == loader.step - 1 and len(loader._ahead) == (1 if seen < 5 else 0)
        for name in names:
            here, there = getattr(expected, name), getattr(batch, name)
            assert there.device.type == place and (here.shape, here.dtype, here.stride()) == (there.shape, there.dtype, there.stride())
            assert place == "meta" or torch.equal(here, there.cpu())
    assert seen == 5
    going_on = pack.loader(split, identities=4, images=3, first_step=2, device=place)
    assert [next(going_on).step, next(going_on).step] == [2, 3]
    going_on.close()
    try:
        next(going_on)
        raise SystemExit("a closed loader gave a batch")
    except resolute.InputError as error:
        assert "the loader is closed" in str(error)
for wrong, kind in (("gpu", resolute.InputError), (3.5, resolute.InputError), ("cuda:99", resolute.MachineError),
                    ("cuda:-7", resolute.InputError), ("", resolute.InputError), ([], resolute.InputError)):
    try:
        open(device=wrong)
        raise SystemExit(f"{{wrong}} is a device")
    except kind as error:
        assert "'device' is " in str(error) and "\\n" not in str(error), error
        try:
            plain[0].to(wrong)
            raise SystemExit(f"{{wrong}} is a device")
        except kind as again:
            assert str(error) == str(again)
for call in (lambda batch: batch.to("cpu"), lambda batch: batch.to("meta"), lambda batch: batch.pinned()):
    try:
        call(next(open(arrays="numpy")))
        raise SystemExit("arrays of NumPy are moved")
    except resolute.InputError as error:
        assert "the batch has arrays of NumPy" in str(error)
import threading
loader, steps = pack.loader(split, identities=2, images=2, steps=60, device="meta"), []
threads = [threading.Thread(target=lambda: steps.extend(batch.step for batch in loader)) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert sorted(steps) == list(range(60))
kept = next(open(device="meta"))  # and the interpreter ends with a batch on its way
print("done")
"""
        ended = subprocess.run([torch_python(), "-c", code], check=False, capture_output=True, text=True)
        self.assertEqual((0, "done\n"), (ended.returncode, ended.stdout), ended.stderr)

    def test_ingest_draws_bars_as_tqdm_does(self):
        code = f"""
import sys; sys.path.insert(0, {str(BUILD / "python")!r})
import resolute
for name, shown in (("told", True), ("silent", None), ("mute", False)):
    print(name, file=sys.stderr)
    resolute.ingest("market1501", {str(self.folder / "raw")!r}, {str(self.folder / "bars")!r}, name=name, height=32, width=16, rates=[2],
                    progress=shown)
"""
        ended = subprocess.run(["/usr/bin/python3", "-c", code], check=True, capture_output=True, text=True,
                               env={**os.environ, "COLUMNS": "90"})
        told, silent = ended.stderr.split("silent\n")
        self.assertRegex(told, r"\npacking [^|\n]*: 100%\|█+\| (\d+)/\1 \[00:\d\d<00:00, +\d+\.\d+(it/s|s/it)\]\n")
        self.assertNotIn("|", silent)

    def test_a_bar_is_tqdms(self):
        from resolute._bars import bar

        for (done, total, seconds, columns), expected in {  # by tqdm 4.70.1, tqdm.format_meter()
                (0, 500, 0.5, 60): "packing:   0%|                      | 0/500 [00:00<?, ?it/s]",
                (123, 500, 3.7, 60): "packing:  25%|██▉         | 123/500 [00:03<00:11, 33.24it/s]",
                (500, 500, 3700.0, 70): "packing: 100%|████████████████████| 500/500 [1:01:40<00:00,  7.40s/it]",
                (2, 7, 75, 45): "packing:  29%|▎| 2/7 [01:15<03:07, 37.50s/it]",
                (1, 1, 0.01, 30): "packing: 100%|█| 1/1 [00:00<00"}.items():
            self.assertEqual(expected, bar("packing", done, total, seconds, columns))

    def test_tensors_show_the_same_numbers(self):
        if torch_python() is None:
            self.skipTest("torch is not there")
        code = f"""
import sys; sys.path.insert(0, {str(BUILD / "python")!r})
import resolute, torch
pack = resolute.Pack({str(self.pack.folder)!r})
open = lambda arrays: pack.loader(pack.split(partition="official"), identities=4, images=3, steps=3, arrays=arrays)
for a, b in zip(open(None), open("numpy")):
    assert isinstance(a.hr, torch.Tensor) and a.hr.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(a.hr, torch.from_numpy(b.hr)) and a.labels.dtype == torch.int64 and a.has_hr.dtype == torch.bool
    assert torch.equal(a.to("cpu").lr, a.lr)
    loss = torch.nn.functional.conv2d(a.hr, torch.ones(4, 3, 3, 3)).sum(); assert loss.isfinite()
print("done")
"""
        ended = subprocess.run([torch_python(), "-c", code], check=False, capture_output=True, text=True)
        self.assertEqual((0, "done\n"), (ended.returncode, ended.stdout), ended.stderr)


if __name__ == "__main__":
    unittest.main()
