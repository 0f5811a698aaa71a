"""What an Android device and `benchmark_model` print, in the tools' forms."""

STARTED = """\
STARTING!
Log parameter values verbosely: [0]
Min num runs: [100]
Num threads: [4]
Graph: [/data/local/tmp/keras_mvit_0/model_0.tflite]
Use xnnpack: [1]
Loaded model /data/local/tmp/keras_mvit_0/model_0.tflite
INFO: Initialized TensorFlow Lite runtime.
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
"""

TIMED = """\
The input model file size (MB): 5.3
Initialized session in 21.5ms.
Running benchmark for at least 10 iterations and at least 0 seconds but \
terminate if exceeding 150 seconds.
count=10 first=9400 curr=6100 min=6000 max=9400 avg=6500 std=980 p5=6000 \
median=6120 p95=9400

Running benchmark for at least 100 iterations and at least 0 seconds but \
terminate if exceeding 150 seconds.
count=100 first=6050 curr=6010 min=5890 max=7200 avg=6070.5 std=210 p5=5900 \
median=6030 p95=6480

Inference timings in us: Init: 21500, First inference: 9400, \
Warmup (avg): 6500, Inference (avg): 6070.5
Note: as the benchmark tool itself affects memory footprint, the following \
is only APPROXIMATE to the actual memory footprint of the model at runtime. \
Take the information at your discretion.
Memory footprint delta from the start of the tool (MB): init=8.25 overall=14.75
"""

FULL = (
    "Explicitly applied XNNPACK delegate, and the model graph will be"
    " completely executed by the delegate.\n"
)
PARTIAL = (
    "Explicitly applied NNAPI delegate, and the model graph will be partially"
    " executed by the delegate w/ 5 delegate kernels.\n"
)
NONE = (
    "Though GPU delegate is explicitly applied, the model graph will not be"
    " executed by the delegate.\n"
)
REPLACED = (
    "VERBOSE: Replacing 99 out of 99 node(s) with delegate"
    " (TfLiteXNNPackDelegate) node, yielding 1 partitions for subgraph 0"
    " (main).\n"
)

CPU = STARTED + FULL + TIMED
GPU = STARTED + FULL.replace("XNNPACK", "GPU") + TIMED
# The tool of the CompiledModel API marks each line with its severity.
COMPILED = "".join(
    f"INFO: {line}\n" if line else "\n"
    for line in (STARTED + REPLACED + TIMED).splitlines()
)
# Older tools know no percentiles and count memory by another name.
OLD = """\
STARTING!
Running benchmark for at least 50 iterations and at least 1 seconds
count=50 first=32891 curr=33978 min=32641 max=34005 avg=33209.4 std=450

Inference timings in us: Init: 855, First inference: 49060, \
Warmup (avg): 34825.1, Inference (avg): 33209.4
Peak memory footprint (MB): init=0 overall=12.8672
"""
# One run: nothing to spread, and six digits are too few for the first.
SINGLE = """\
count=1 curr=11403859

count=1 curr=3756

Inference timings in us: Init: 13386, First inference: 11403859, \
Warmup (avg): 1.14039e+07, Inference (avg): 3756
"""

_HEADING = (
    "[Node type]\t [count]\t [avg ms]\t [avg %]\t [cdf %]\t [mem KB]\t"
    "[times called]\n"
)
PROFILE = f"""\
{CPU}Profiling Info for Benchmark Initialization:
============================== Run Order ==============================
\t[node type]\t[first]\t[avg ms]\t[%]\t[cdf%]\t[mem KB]\t[times called]\t[Name]
\tModifyGraphWithDelegate\t14.8\t14.8\t99.317%\t99.317%\t3428.0\t1\tModify/0

Number of nodes executed: 2
============================== Summary by node type \
==============================
\t{_HEADING}\
\tModifyGraphWithDelegate\t1\t14.842\t99.317%\t99.317%\t3428.000\t1
\tAllocateTensors\t1\t0.102\t0.683%\t100.000%\t0.000\t1

Timings (microseconds): count=1 curr=14944
Memory (bytes): count=0
2 nodes observed

Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t[node type]\t[first]\t[avg ms]\t[%]\t[cdf%]\t[mem KB]\t[times called]\t[Name]
\tConvolution (NHWC, F32) IGEMM\t1.2\t1.2\t20%\t20%\t0.0\t1\tDelegate/Conv:0

Number of nodes executed: 5
============================== Summary by node type \
==============================
\t{_HEADING}\
\tFully Connected (NC, F32) GEMM\t4\t3.500\t70.000%\t70.000%\t0.000\t4
\tConvolution (NHWC, F32) IGEMM\t1\t1.500\t30.000%\t100.000%\t0.000\t1

Timings (microseconds): count=50 first=5012 curr=5000 min=4990 max=5100 \
avg=5000.2 std=20
Memory (bytes): count=0
5 nodes observed
"""

GETPROP = """\
[ro.board.platform]: [zuma]
[ro.build.id]: [BP1A.250305.019]
[ro.build.version.release]: [15]
[ro.product.cpu.abi]: [arm64-v8a]
[ro.product.cpu.abilist]: [arm64-v8a,armeabi-v7a]
[ro.product.manufacturer]: [Google]
[ro.product.model]: [Pixel 8]
[ro.serialno]: [0123456789ABCDEF]
[ro.soc.manufacturer]: [Google]
[ro.soc.model]: [Tensor G3]
"""

BATTERY = """\
Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  status: 2
  health: 2
  present: true
  level: 83
  scale: 100
  voltage: 4213
  temperature: 284
  technology: Li-ion
"""

THERMAL = """\
IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 1
Thermal Status: 1
Cached temperatures:
\tTemperature{mValue=28.4, mType=2, mName=battery, mStatus=0}
HAL Ready: true
"""
