// What our engine answers beside what ONNX Runtime answers to the same images: real ones from the
// test set of Fashion-MNIST where it is installed and the model takes such, else numbers that vary
// as slowly as images do. Prints TAP. Usage: node logits.mjs TOOL CACHE_FOLDER MODEL…

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { onnxruntime } from './peer.mjs'
import { finish, must, test } from './tap.mjs'

const [tool, cache, ...models] = process.argv.slice(2)
const FASHION = '/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz'
const OPTIONS = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 }
const COUNT = 256
const NEAR = 1e-4
// Kernels, threads, images at a time.
const WAYS = [
  ['plain', 1, 64],
  ['fast', 1, 1],
  ['fast', 1, 16],
  ['fast', 2, 1],
  ['fast', 2, 128],
]

const ort = onnxruntime(cache)
const folder = mkdtempSync(join(tmpdir(), 'hallmark-logits-'))

function photographs(size) {
  const bytes = gunzipSync(readFileSync(FASHION)).subarray(16, 16 + COUNT * size)
  return Float32Array.from(bytes, (byte) => byte / 255)
}

// Waves of random direction, length and brightness, from 0 to 1.
function waves(channels, height, width) {
  const data = new Float32Array(COUNT * channels * height * width)
  let state = 12345
  const random = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32
  let at = 0
  for (let plane = 0; plane < COUNT * channels; plane++) {
    const [down, right, phase, light] = [random() - 0.5, random() - 0.5, 6 * random(), random()]
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        data[at++] = (light + 0.5 + 0.5 * Math.sin(down * y + right * x + phase)) / 2
  }
  return data
}

function images([, ...shape]) {
  const [channels, height, width] = shape
  const fashion = channels === 1 && height === 28 && width === 28 && existsSync(FASHION)
  return fashion ? photographs(height * width) : waves(channels, height, width)
}

async function theirs(path) {
  const session = await ort.InferenceSession.create(path, OPTIONS)
  const [, ...shape] = session.inputMetadata[0].shape
  const data = images([COUNT, ...shape])
  const input = new ort.Tensor('float32', data, [COUNT, ...shape])
  const outputs = await session.run({ [session.inputNames[0]]: input })
  const logits = outputs[session.outputNames[0]].data
  await session.release()
  return { data, logits }
}

function ours(way, path, data) {
  const [from, to] = [join(folder, 'images'), join(folder, 'logits')]
  writeFileSync(from, data)
  execFileSync(tool, [...way.map(String), path, from, to], { stdio: ['ignore', 'inherit', 'inherit'] })
  const bytes = readFileSync(to)
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}

for (const model of models) {
  const { data, logits } = await theirs(model)
  for (const way of WAYS)
    await test(`${basename(model)}, ${way[0]} kernels, threads: ${way[1]}, at a time: ${way[2]}`, () => {
      const got = ours(way, model, data)
      must(got.length === logits.length, `${got.length} numbers, not ${logits.length}`)
      const apart = got.reduce((most, v, i) => Math.max(most, Math.abs(v - logits[i])), 0)
      const spread = logits.reduce((most, v) => Math.max(most, Math.abs(v)), 0)
      must(spread > 1 && apart <= NEAR, `${apart} apart, of numbers up to ${spread}`)
      console.log(`# ${COUNT} images: ${apart.toExponential(1)} apart at most, of numbers up to ${spread.toFixed(1)}`)
    })
}

rmSync(folder, { recursive: true })
finish()
