"""The networks of make_golden.py as a user of PyTorch would write them, and the numbers in them."""
import numpy
import torch
from torch import nn
from torch.nn import functional as F

CLASSES, HEIGHT, WIDTH = 7, 32, 16


def numbers(name, shape, scale=1.0, offset=0.0):
    """float32 values offset + scale * u, u in [-1, 1) from a 32-bit mix of (FNV-1a of name, index)."""
    salt = 2166136261
    for byte in name.encode():
        salt = ((salt ^ byte) * 16777619) & 0xFFFFFFFF
    x = numpy.arange(int(numpy.prod(shape)), dtype=numpy.uint32) * numpy.uint32(2654435761) + numpy.uint32(salt)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        x ^= x >> numpy.uint32(shift)
        x *= numpy.uint32(factor)
    u = x.astype(numpy.float64) / 2147483648.0 - 1.0
    return torch.from_numpy((offset + scale * u).astype(numpy.float32).reshape(shape).copy())


def convolution(inputs, outputs, kernel=3, stride=1, bias=False):
    return nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, bias=bias)


def fill(module):
    for name, tensor in module.named_parameters():
        scale, offset = 0.1, 0.0
        if tensor.dim() == 4:
            scale = (6.0 / (tensor.numel() // tensor.shape[0])) ** 0.5
        if tensor.dim() == 2:
            scale = (3.0 / tensor.shape[1]) ** 0.5
        if tensor.dim() == 1 and name.endswith(".weight"):
            offset = 1.0
        tensor.data.copy_(numbers(name, tuple(tensor.shape), scale, offset))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = convolution(inputs, outputs, stride=stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = convolution(outputs, outputs), nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + shortcut)


class Trunk(nn.Module):
    """resnet-small of networks/nn/backbone.h, last stride 1, or its first stages."""
    channels = [16, 16, 32, 64, 128]

    def __init__(self, stages=4):
        super().__init__()
        self.conv1, self.bn1 = convolution(3, 16), nn.BatchNorm2d(16)
        for stage, stride in enumerate([2, 2, 2, 1][:stages]):
            block = BasicBlock(self.channels[stage], self.channels[stage + 1], stride)
            setattr(self, f"layer{stage + 1}", nn.Sequential(block))

    def encode(self, x):  # FTWA's E_H or E_L
        return self.layer1(F.relu(self.bn1(self.conv1(x))))

    def identify(self, x):  # FTWA's E_ID
        return self.layer4(self.layer3(self.layer2(x)))

    def forward(self, x):  # f1..f5
        features = [F.relu(self.bn1(self.conv1(x)))]
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            features.append(stage(features[-1]))
        return features


class Block(nn.Module):
    """RAFTB of width w."""

    def __init__(self, w):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = (convolution(i, w, bias=True) for i in (w, w // 2, w // 2))
        self.conv4 = convolution(w // 2, w // 2, bias=True)
        self.squeeze, self.excite = convolution(2 * w, w // 8, 1, bias=True), convolution(w // 8, 2 * w, 1, bias=True)
        self.fuse = convolution(2 * w, w, 1, bias=True)

    def forward(self, x):
        half1, rest = F.leaky_relu(self.conv1(x), 0.05).chunk(2, 1)
        half2, rest = F.leaky_relu(self.conv2(rest), 0.05).chunk(2, 1)
        half3, rest = F.leaky_relu(self.conv3(rest), 0.05).chunk(2, 1)
        halves = torch.cat([half1, half2, half3, F.leaky_relu(self.conv4(rest), 0.05)], 1)
        gap = halves.mean((2, 3), keepdim=True)
        return x + self.fuse(halves * torch.sigmoid(self.excite(F.leaky_relu(self.squeeze(gap), 0.05))))


class Transformation(nn.Module):
    """RAFT: 4 blocks of width 32 for 128 channels."""

    def __init__(self, channels=128, w=32, blocks=4):
        super().__init__()
        self.head, self.tail = convolution(channels, w, 1, bias=True), convolution(w, channels, 1, bias=True)
        for k in range(1, blocks + 1):
            setattr(self, f"block{k}", Block(w))
        self.merge, self.smooth = convolution(blocks * w, w, 1, bias=True), convolution(w, w, bias=True)

    def forward(self, f):
        head = self.head(f)
        block1 = self.block1(head)
        block2 = self.block2(block1)
        block3 = self.block3(block2)
        block4 = self.block4(block3)
        x = self.smooth(F.leaky_relu(self.merge(torch.cat([block1, block2, block3, block4], 1)), 0.05))
        return f + self.tail(x + head)


class Weight(nn.Module):
    """W: one quality for each vector, 0.001 to 1.001."""

    def __init__(self):
        super().__init__()
        self.hidden, self.output = nn.Linear(128, 32), nn.Linear(32, 1)

    def forward(self, v):
        return torch.sigmoid(self.output(F.relu(self.hidden(v)))).squeeze(1) + 1e-3


class Recovery(nn.Module):
    """An IR network of width w."""

    def __init__(self, w, residual):
        super().__init__()
        self.residual = residual
        for part, (i, o) in (("a", (3, w)), ("b", (w, 2 * w))):
            for k in range(1, 5):
                stride = 2 if (part, k) in (("a", 2), ("b", 1)) else 1
                setattr(self, f"part_{part}_{k}", convolution(i if k == 1 else o, o, stride=stride, bias=True))
        self.projection = convolution(w, 2 * w, 1, 2, bias=True)
        self.deconvolution_1 = nn.ConvTranspose2d(2 * w, w, 4, 2, 1)
        self.deconvolution_2 = nn.ConvTranspose2d(w, w // 2, 4, 2, 1)
        self.output = convolution(w // 2, 3, bias=True)

    def forward(self, image):
        a = image
        for k in range(1, 5):
            a = F.relu(getattr(self, f"part_a_{k}")(a))
        b = a
        for k in range(1, 4):
            b = F.relu(getattr(self, f"part_b_{k}")(b))
        b = F.relu(self.part_b_4(b) + self.projection(a))
        x = self.output(F.relu(self.deconvolution_2(F.relu(self.deconvolution_1(b) + a))))
        return image + x if self.residual else x


class Classifier(nn.Module):
    def __init__(self, inputs=128):
        super().__init__()
        self.linear = nn.Linear(inputs, CLASSES)

    def forward(self, v):
        return self.linear(v)


class Decoder(nn.Module):
    def __init__(self, kind):
        super().__init__()
        widths, self.transposed = [128, 16, 16, 8], kind == "transposed"
        for k in (1, 2, 3):
            i, o = widths[k - 1], widths[k]
            setattr(self, f"conv{k}", nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False) if self.transposed else convolution(i, o))
            setattr(self, f"bn{k}", nn.BatchNorm2d(o))
        self.image = convolution(8, 3, bias=True)

    def forward(self, x):
        for k in (1, 2, 3):
            if not self.transposed:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = F.relu(getattr(self, f"bn{k}")(getattr(self, f"conv{k}")(x)))
        return self.image(x)[:, :, :HEIGHT, :WIDTH]


class SkipDecoder(nn.Module):
    """CAD-Net's: beside each enlarged map stands the trunk's of that size."""

    def __init__(self):
        super().__init__()
        for k, (i, beside, o) in enumerate(((128, 32, 16), (16, 16, 16), (16, 16, 8)), 1):
            setattr(self, f"conv{k}", convolution(i + beside, o))
            setattr(self, f"bn{k}", nn.BatchNorm2d(o))
        self.image = convolution(8, 3, bias=True)

    def forward(self, maps):
        x = maps[4]
        for k, beside in ((1, maps[2]), (2, maps[1]), (3, maps[0])):
            x = torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), beside], 1)
            x = F.relu(getattr(self, f"bn{k}")(getattr(self, f"conv{k}")(x)))
        return self.image(x)


class Discriminator(nn.Module):
    def __init__(self, channels, kind):
        super().__init__()
        layers = {"convolutional": [(64, 1, 1), (64, 3, 2), (32, 3, 1), (1, 1, 1)],
                  "images": [(16, 3, 2), (32, 3, 2), (64, 3, 2), (1, 1, 1)],
                  "pixelwise": [(64, 1, 1), (32, 1, 1), (1, 1, 1)]}[kind]
        for k, (outputs, kernel, stride) in enumerate(layers, 1):
            setattr(self, f"conv{k}", convolution(channels, outputs, kernel, stride, bias=True))
            channels = outputs

    def forward(self, f):
        *layers, last = self.children()
        for layer in layers:
            f = F.leaky_relu(layer(f), 0.2)
        return last(f)


class PartNetwork(nn.Module):
    """MSIFLA's re-ID network: four horizontal parts of f5, a classifier for each."""

    def __init__(self):
        super().__init__()
        self.trunk = Trunk()
        for part in range(1, 5):
            setattr(self, f"classifier_{part}", Classifier())

    def forward(self, images):
        """[(vectors, logits)] of the parts."""
        parts = F.adaptive_avg_pool2d(self.trunk(images)[4], (4, 1)).flatten(2).unbind(2)
        return [(v, getattr(self, f"classifier_{k}")(v)) for k, v in enumerate(parts, 1)]


class Network(nn.Module):
    def __init__(self, case):
        super().__init__()
        if case["method"] == "msifla":
            for scale in case["scales"]:
                setattr(self, f"ir_{scale}", Recovery(case["ir_width"], case["ir_residual"]))
            for scale in case["scales"] if case["reid_networks"] == "per-scale" else [1]:
                setattr(self, f"reid_{scale}", PartNetwork())
        else:
            self.trunk = Trunk()
            self.add_parts(case)
        fill(self)

    def add_parts(self, case):
        if case["method"] == "ftwa":
            self.lr_encoder, self.transformation = Trunk(stages=1), Transformation()
            self.classifier_hr, self.classifier_lr = Classifier(), Classifier()
            if case["weighting"]:
                self.weight_hr, self.weight_lr = Weight(), Weight()
        else:
            self.classifier = Classifier(256 if case["method"] == "cadnet" else 128)
        if case["method"] == "cadnet":
            self.decoder, self.hr_encoder = SkipDecoder(), Trunk()
            self.discriminator_features = Discriminator(128, "convolutional")
            self.discriminator_images = Discriminator(3, "images")
        if case["method"] == "rain":
            self.decoder = Decoder(case["decoder"])
            for level in case["levels"]:
                judge = Discriminator(Trunk.channels[level - 1], case["discriminator"])
                setattr(self, f"discriminator_level_{level}", judge)
