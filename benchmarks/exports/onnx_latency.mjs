// Times forecasts of exported ONNX files in ONNX Runtime: one window, one thread, the median of calls in microseconds.
//   node onnx_latency.mjs FILE.onnx...      needs onnxruntime-node in ./node_modules or in ORT_MODULES
import { createRequire } from 'node:module';
import path from 'node:path';

const ort = createRequire(import.meta.url)(path.resolve(process.env.ORT_MODULES ?? 'node_modules', 'onnxruntime-node'));
const shapes = { history: [1, 96, 7] };
for (const file of process.argv.slice(2)) {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const inputs = Object.fromEntries(session.inputNames.map((name) => {
    const shape = shapes[name] ?? [1, 96, 4];
    const numbers = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i) / 2);
    return [name, new ort.Tensor('float32', numbers, shape)];
  }));
  const times = [];
  for (let call = 0; call < 6000; ++call) {
    const start = process.hrtime.bigint();
    await session.run(inputs);
    if (call >= 1000) times.push(Number(process.hrtime.bigint() - start) / 1e3);
  }
  times.sort((a, b) => a - b);
  console.log(`${path.basename(file)} ${times[times.length >> 1].toFixed(1)} us`);
}
