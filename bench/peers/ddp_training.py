"""PyTorch DDP in Python at its best, for `script/bench training`: ResNet-50 or EfficientNet-Lite0 (last stride 1) on 3x256x128 images,
cross-entropy + triplet, Adam, channels-last, bf16 autocast or f32. It speaks the protocol of bench_training: says "ready",
then for each line on its standard input runs --steps steps and prints how long they took.

With --images FOLDER the batches come from JPEG files by a DataLoader (PIL), else they lie in memory; with --first-step it
ends when the first step could begin. With --device cuda it trains on GPU number RANK, over NCCL, with cuDNN's benchmark.
--form says how a step is asked for: as it is, in one CUDA graph, or compiled. A lone process needs no DDP (--ddp 0).
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import sys
import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

IMAGES, HEIGHT, WIDTH, BATCHES = 4, 256, 128, 4


class Bottleneck(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        width = outputs // 4
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)).add_(shortcut))


class SameConvolution(nn.Conv2d):
    """Depthwise or plain with TensorFlow's padding: none is copied where both sides of the input are alike."""

    def forward(self, x):
        pads = [max((-(-side // self.stride[0]) - 1) * self.stride[0] + self.kernel_size[0] - side, 0) for side in x.shape[2:]]
        if any(pad % 2 for pad in pads):
            x = F.pad(x, [pads[1] // 2, pads[1] - pads[1] // 2, pads[0] // 2, pads[0] - pads[0] // 2])
            return F.conv2d(x, self.weight, None, self.stride, 0, 1, self.groups)
        return F.conv2d(x, self.weight, None, self.stride, [pad // 2 for pad in pads], 1, self.groups)


def normalised(convolution, rectified=True):
    norm = nn.BatchNorm2d(convolution.out_channels, 1e-3, 0.01)
    return nn.Sequential(convolution, norm, nn.ReLU6(inplace=True)) if rectified else nn.Sequential(convolution, norm)


class InvertedBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, kernel, expansion):
        super().__init__()
        inner = inputs * expansion
        layers = [normalised(nn.Conv2d(inputs, inner, 1, bias=False))] if expansion > 1 else []
        layers.append(normalised(SameConvolution(inner, inner, kernel, stride, groups=inner, bias=False)))
        layers.append(normalised(nn.Conv2d(inner, outputs, 1, bias=False), rectified=False))
        self.path = nn.Sequential(*layers)
        self.added = stride == 1 and inputs == outputs

    def forward(self, x):
        return self.path(x).add_(x) if self.added else self.path(x)


def initialise(network):
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


class LiteNetwork(nn.Module):
    """EfficientNet-Lite0 with last stride 1, global average, classifier."""

    def __init__(self, classes=751):
        super().__init__()
        inputs, layers = 32, [normalised(SameConvolution(3, 32, 3, 2, bias=False))]
        for outputs, blocks, stride, kernel, expansion in [(16, 1, 1, 3, 1), (24, 2, 2, 3, 6), (40, 2, 2, 5, 6), (80, 3, 2, 3, 6),
                                                           (112, 3, 1, 5, 6), (192, 4, 1, 5, 6), (320, 1, 1, 3, 6)]:
            for block in range(blocks):
                layers.append(InvertedBlock(inputs, outputs, stride if block == 0 else 1, kernel, expansion))
                inputs = outputs
        layers.append(normalised(nn.Conv2d(320, 1280, 1, bias=False)))
        self.trunk = nn.Sequential(*layers)
        self.classifier = nn.Linear(1280, classes)
        initialise(self)

    def forward(self, x):
        feature = F.adaptive_avg_pool2d(self.trunk(x), 1).flatten(1)
        return feature, self.classifier(feature)


class ReidNetwork(nn.Module):
    """torchvision's ResNet-50 with last stride 1, global average, classifier."""

    def __init__(self, classes=751):  # Market-1501's training identities
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs, stages = 64, []
        for outputs, blocks, stride in [(256, 3, 1), (512, 4, 2), (1024, 6, 2), (2048, 3, 1)]:
            stages.append(nn.Sequential(*[Bottleneck(inputs if b == 0 else outputs, outputs, stride if b == 0 else 1)
                                          for b in range(blocks)]))
            inputs = outputs
        self.stages = nn.Sequential(*stages)
        self.classifier = nn.Linear(2048, classes)
        initialise(self)

    def forward(self, x):
        x = self.stages(self.maxpool(self.relu(self.bn1(self.conv1(x)))))
        feature = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return feature, self.classifier(feature)


NETWORKS = {"resnet50": ReidNetwork, "efficientnet-lite0": LiteNetwork}


def triplet_loss(feature, labels, margin=0.3):
    """Batch-hard, vectorised."""
    distance = torch.cdist(feature, feature)
    same = labels[:, None] == labels[None, :]
    positive = distance.masked_fill(~same, 0).amax(1)
    negative = distance.masked_fill(same, float("inf")).amin(1)
    return F.relu(margin + positive - negative).mean()


class JpegPeople(torch.utils.data.Dataset):
    """Files named IDENTITY_…jpg; flip, padding of 10 and random crop, ImageNet's mean and deviation."""

    def __init__(self, folder):
        self.files = sorted(pathlib.Path(folder).rglob("*.jpg"))
        names = sorted({path.name.split("_")[0] for path in self.files})
        self.labels = [names.index(path.name.split("_")[0]) for path in self.files]
        self.mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1) * 255
        self.deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1) * 255

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        import numpy
        from PIL import Image, ImageOps
        image = Image.open(self.files[index]).convert("RGB")
        if image.size != (WIDTH, HEIGHT):
            image = image.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
        if random.random() < 0.5:
            image = ImageOps.mirror(image)
        image = ImageOps.expand(image, 10)
        x, y = random.randint(0, 20), random.randint(0, 20)
        image = image.crop((x, y, x + WIDTH, y + HEIGHT))
        pixels = torch.from_numpy(numpy.array(image)).permute(2, 0, 1)
        return (pixels - self.mean) / self.deviation, self.labels[index]


class IdentitySampler(torch.utils.data.Sampler):
    """P identities x 4 images a batch, each rank its own."""

    def __init__(self, labels, batch, batches, seed):
        self.by_identity = {}
        for index, label in enumerate(labels):
            self.by_identity.setdefault(label, []).append(index)
        self.identities, self.batches, self.random = batch // IMAGES, batches, random.Random(seed)

    def __len__(self):
        return self.batches

    def __iter__(self):
        for _ in range(self.batches):
            chosen = self.random.sample(sorted(self.by_identity), self.identities)
            yield [index for identity in chosen for index in self.random.choices(self.by_identity[identity], k=IMAGES)]


def layout(options):
    return torch.channels_last if options.layout == "nhwc" else torch.contiguous_format


def batches_in_memory(options, device):
    generator = torch.Generator().manual_seed(options.rank)
    shape = (options.batch, 3, HEIGHT, WIDTH)
    labels = torch.arange(options.batch) // IMAGES
    made = [(torch.randn(shape, generator=generator).contiguous(memory_format=layout(options)).to(device), labels.to(device))
            for _ in range(BATCHES)]
    while True:
        yield from made


def batches_of_files(options, data, device):
    sampler = IdentitySampler(data.labels, options.batch, options.turns * options.steps, options.rank)
    loader = torch.utils.data.DataLoader(data, batch_sampler=sampler, num_workers=options.loaders,
                                         persistent_workers=options.loaders > 0, pin_memory=device.type == "cuda")
    for images, labels in loader:
        yield (images.contiguous(memory_format=layout(options)).to(device, non_blocking=True),
               labels.to(device, non_blocking=True))


def limits(options, device):
    """Operations of a step's convolutions and products, of one image, how many a second a large product is done with, and the bytes that
    a copy reads and writes a second."""
    from torch.utils.flop_counter import FlopCounterMode

    network = NETWORKS[options.backbone]().to(device, memory_format=torch.channels_last)
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(2, 3, HEIGHT, WIDTH, device=device))[1].sum().backward()
    def seconds(work):
        times = []
        for _ in range(20):
            torch.cuda.synchronize()
            begun = time.perf_counter()
            work()
            torch.cuda.synchronize()
            times.append(time.perf_counter() - begun)
        return sorted(times)[len(times) // 2]

    side, rates = 8192, {}
    for precision, type_ in (("bf16", torch.bfloat16), ("tf32", torch.float32), ("f32", torch.float32)):
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        a, b = (torch.randn(side, side, device=device, dtype=type_) for _ in range(2))
        rates[precision] = 2 * side**3 / seconds(lambda: a @ b)
    source, target = (torch.zeros(1 << 30, dtype=torch.uint8, device=device) for _ in range(2))
    say(operations=counter.get_total_flops() / 2, rates=rates, copied=2 * source.numel() / seconds(lambda: target.copy_(source)))


class GraphedStep:
    """A whole step as one CUDA graph: forward, backward and Adam on the memory of one batch, which each batch is copied into."""

    def __init__(self, step, batch):
        self.images, self.labels = (tensor.clone() for tensor in batch)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # what is chosen and made in the first steps is no part of the graph
            for _ in range(3):
                step(self.images, self.labels)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.loss = step(self.images, self.labels)

    def __call__(self, images, labels):
        self.images.copy_(images)
        self.labels.copy_(labels)
        self.graph.replay()
        return self.loss


def say(**answer):
    print(json.dumps(answer), flush=True)


def leave():
    if dist.is_initialized():
        dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--backbone", default="resnet50", choices=sorted(NETWORKS))
    parser.add_argument("--adam", default="fused", choices=["fused", "foreach", "plain"])
    for name, value in [("threads", 1), ("turns", 1), ("steps", 5), ("rank", 0), ("ranks", 1), ("port", 0), ("batch", 16),
                        ("loaders", 1)]:
        parser.add_argument("--" + name, type=int, default=value)
    parser.add_argument("--form", default="eager", choices=["eager", "graph", "compiled", "max"],
                        help="a step as it is, as one CUDA graph, compiled (reduce-overhead), or with max-autotune")
    parser.add_argument("--ddp", type=int, default=1, choices=[0, 1], help="0: a lone process does without")
    parser.add_argument("--deterministic", type=int, default=0, choices=[0, 1])
    parser.add_argument("--layout", default="nhwc", choices=["nhwc", "nchw"])
    parser.add_argument("--images")
    parser.add_argument("--first-step", action="store_true")
    parser.add_argument("--limits", action="store_true", help="say what a step asks of a GPU and what that gives, and end")
    parser.add_argument("--trace", help="a Chrome trace of the last turn, by PyTorch's profiler")
    options = parser.parse_args()
    if options.form == "graph" and (options.device != "cuda" or options.ddp):
        parser.error("--form graph is of a GPU, and of a lone process without DDP: give --device cuda --ddp 0")
    if not options.ddp and options.ranks > 1:
        parser.error("several processes share their gradients by DDP: leave --ddp 0 out")
    if options.deterministic:
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
        torch.use_deterministic_algorithms(True)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)

    device = torch.device("cpu")
    if options.device == "cuda":
        device = torch.device("cuda", options.rank % torch.cuda.device_count())
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark = True
        # "f32" is float32 on both sides, "tf32" is TF32 on both.
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = options.precision == "tf32"

    if options.limits:
        return limits(options, device)
    people = JpegPeople(options.images) if options.images else None
    network = NETWORKS[options.backbone](*([len(set(people.labels))] if people else [])).to(device, memory_format=layout(options))
    model = network
    if options.ddp:
        os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
        os.environ.setdefault("MASTER_PORT", str(options.port))
        dist.init_process_group("gloo" if device.type == "cpu" else "nccl", rank=options.rank, world_size=options.ranks)
        model = nn.parallel.DistributedDataParallel(network, gradient_as_bucket_view=True, broadcast_buffers=False)
    if options.form in ("compiled", "max"):
        model = torch.compile(model, mode={"compiled": "reduce-overhead", "max": "max-autotune"}[options.form])
    optimiser = torch.optim.Adam(model.parameters(), lr=3.5e-4, weight_decay=5e-4, fused=options.adam == "fused",
                                 foreach=options.adam == "foreach", capturable=options.form == "graph")
    batches = iter(batches_of_files(options, people, device) if people else batches_in_memory(options, device))
    narrow = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(options.precision)
    autocast = (lambda: torch.autocast(device.type, narrow)) if narrow else contextlib.nullcontext
    scaler = torch.amp.GradScaler(device.type, enabled=narrow is torch.float16)

    def step(images, labels):
        with autocast():
            feature, logits = model(images)
        loss = F.cross_entropy(logits.float(), labels) + triplet_loss(feature.float(), labels)
        optimiser.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.step(optimiser)
        scaler.update()
        return loss

    if options.form == "graph":
        step = GraphedStep(step, next(batches))
    elif options.form != "eager":
        for _ in range(3):  # compiled and recorded
            step(*next(batches)).item()
    say(ready=True)
    if options.first_step:
        return leave()
    for turn in range(options.turns):
        if not sys.stdin.readline():
            break
        traced = torch.profiler.profile() if options.trace and turn == options.turns - 1 else None
        with traced or contextlib.nullcontext():
            begun = time.perf_counter()
            for _ in range(options.steps):
                loss = step(*next(batches))
            loss.item()
            say(seconds=time.perf_counter() - begun)
        if traced:
            traced.export_chrome_trace(options.trace)
    leave()


if __name__ == "__main__":
    main()
