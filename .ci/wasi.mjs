// Runs the tests of one WebAssembly program, each in an instance and a thread of its own: `node .ci/wasi.mjs HOST_LOG PROGRAM`.
//
// There, a panic ends the program and no thread can be started. So a test may stop where it starts a thread, and at a panic that
// it has on the host too, where it catches it. HOST_LOG is what the same tests print on the host with `--nocapture
// --test-threads=1`. Any other end is a failure.

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WASI } from 'node:wasi';
import { Worker, isMainThread, workerData } from 'node:worker_threads';

const SECONDS = 120; // that one test may take

/** Runs the program in this thread, with its output in a file. The exit code of the thread is 0 if it succeeded. */
function start({ module, output, args }) {
    const file = openSync(output, 'w');
    const wasi = new WASI({ version: 'preview1', args, stdout: file, stderr: file, returnOnExit: true });
    let code = 1;
    try {
        code = wasi.start(new WebAssembly.Instance(module, wasi.getImportObject()));
    } catch (error) {
        if (!(error instanceof WebAssembly.RuntimeError)) throw error; // anything but a trap
    }
    closeSync(file);
    process.exit(code);
}

/** Returns the places of the panics in a text. */
function panics(text) {
    return [...text.matchAll(/panicked at (\S+:\d+:\d+)/g)].map(([, place]) => place);
}

/** Returns the places of the panics of each test in what the tests print on the host. */
function panicsOnHost(log) {
    const places = new Map();
    for (const part of log.split(/^test (?=\S+ )/m).slice(1)) {
        const [name] = part.split(' ', 1);
        places.set(name, [...(places.get(name) ?? []), ...panics(part)]);
    }
    return places;
}

/** Runs all tests. Returns the number of failures. */
async function runAll(hostLog, program, output) {
    const module = await WebAssembly.compile(readFileSync(program));
    const run = (...args) =>
        new Promise((resolve, reject) => {
            const workerData = { module, output, args: [program, ...args] };
            const worker = new Worker(new URL(import.meta.url), { workerData });
            const limit = setTimeout(() => worker.terminate(), SECONDS * 1000);
            worker.on('error', reject);
            worker.on('exit', (code) => {
                clearTimeout(limit);
                resolve([code === 0, readFileSync(output, 'utf8')]);
            });
        });

    const onHost = panicsOnHost(readFileSync(hostLog, 'utf8'));
    const [, list] = await run('--list', '--format=terse');
    const names = list.split('\n').filter((line) => line.endsWith(': test')).map((line) => line.slice(0, -': test'.length));
    const counts = { passed: 0, 'need threads': 0, 'catch a panic': 0, FAILED: names.length === 0 ? 1 : 0 };
    for (const name of names) {
        const [succeeded, text] = await run('--exact', name, '--nocapture');
        let verdict = 'FAILED';
        if (succeeded) verdict = 'passed';
        else if (/kind: Unsupported|Not supported \(os error 58\)/.test(text)) verdict = 'need threads';
        else if (onHost.get(name)?.includes(panics(text)[0])) verdict = 'catch a panic';
        counts[verdict] += 1;
        if (verdict === 'FAILED') console.log(`--- ${name}\n${text}`);
    }
    console.log(Object.entries(counts).map(([verdict, count]) => `${count} ${verdict}`).join(', '));
    return counts.FAILED;
}

if (isMainThread) {
    const [hostLog, program] = process.argv.slice(2);
    const scratch = mkdtempSync(join(tmpdir(), 'wasi-'));
    const failed = await runAll(hostLog, program, join(scratch, 'output'));
    rmSync(scratch, { recursive: true });
    process.exit(failed ? 1 : 0);
} else {
    start(workerData);
}
