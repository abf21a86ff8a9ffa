import type { Language } from '../../sandbox/sandbox.ts'

/** The code that the conformance suite runs, in one language. The tools are `echo(value)`, which gives back its arguments, and `add(left, right)`. */
export interface ConformanceCode {
  readonly declare: string
  readonly useDeclared: string
  readonly redeclare: string
  readonly useRedeclared: string
  /** Awaits three calls one after the other; the value is the list of their `n`. */
  readonly sequential: string
  /** Starts `count` calls at once; the value is the list of their `n`. */
  parallel(count: number): string
  /** Two calls at once; appends `first` or `second` to a list in the order in which they are answered; the value is the list. */
  readonly settleOrder: string
  readonly named: string
  readonly positional: string
  readonly tooManyPositional: string
  /** Throws on line 3. */
  readonly throwsOnLine3: string
  /** Throws on line 2, called from line 5, within a function. */
  readonly throwsInFunction: string
  /** Does not parse, on line 2. */
  readonly syntaxErrorOnLine2: string
  /** Syntax that has to be rewritten before it runs (an enum); throws on line 6. */
  readonly linesMoved: string
  /** Catches the failure of a call; the value is `name: message`. */
  readonly catchesToolError: string
  /** The failure of a call on line 2 is not caught. */
  readonly failsByTool: string
  readonly finalNested: string
  /** Prints in the handler and after it, which must not happen. */
  readonly finalInTry: string
  /** Catches everything that it can, and goes on to print, to call and to fail. */
  readonly finalSwallowed: string
  readonly finalWithOpenCalls: string
  readonly strayCall: string
  readonly deadlock: string | null
  overwrite(name: string): readonly string[]
  print(text: string): string
  printTimes(times: number, text: string): string
  callTimes(times: number): string
  /** Sends a string of `length` characters to `echo` and gives back the length of what came. */
  sendString(length: number): string
  /** Receives a string from `echo` and gives back its length. */
  readonly receiveString: string
  allocate(megabytes: number): string
  /** Turns of a loop, each a little work. */
  loop(turns: number): string
  readonly forever: string
  readonly world: string
  /** `true` in a session that has not seen `mark`. */
  readonly isUnmarked: string
  readonly mark: string
  readonly context: string
  /** Sends a value with every rich type of the language and gives back what came. */
  readonly rich: string
  readonly infiniteRecursion: string
}

export const CONFORMANCE_CODE: Readonly<Record<Language, ConformanceCode>> = {
  typescript: {
    declare: 'const base: number = 20\nlet count = 1\nfunction twice(n: number): number { return n * 2 }\nclass Box { value = 1 }',
    useDeclared: 'count += 1\nconsole.log(new Box().value)\ntwice(base) + count',
    redeclare: 'const base = 1; let count; class Box { value = 9 }; function twice(n: number) { return n }',
    useRedeclared: '[base, count, new Box().value, twice(4)]',
    sequential: 'const got: number[] = []\nfor (const n of [1, 2, 3]) got.push((await echo({ n })).n)\ngot',
    parallel: (count) => `(await Promise.all(Array.from({ length: ${count} }, (_, n) => echo({ n })))).map(({ n }) => n)`,
    settleOrder:
      "const order: string[] = []\nawait Promise.all([echo({ n: 1 }).then(() => order.push('first')), echo({ n: 2 }).then(() => order.push('second'))])\norder",
    named: 'await add({ left: 1, right: 2 })',
    positional: '[await add(1, 2), await add([1], { a: 1 }), await echo("x"), await echo(new Map([[1, 2]]))]',
    tooManyPositional: 'await add(1, 2, 3)',
    throwsOnLine3: 'const a: number = 1\n\nnull.x',
    throwsInFunction: "function fail(): never {\n  throw new RangeError('too far')\n}\n\nfail()",
    syntaxErrorOnLine2: 'const a = 1\nconst b = = 2\n',
    linesMoved:
      'enum Kind { A, B }\nclass P { constructor(private readonly kind: Kind) {} get k(): Kind { return this.kind } }\n\nconst p = new P(Kind.B)\nif (p.k !== 1) throw new Error()\nmissing()',
    catchesToolError: 'let text = ""\ntry { await echo({}) } catch (error) { text = `${error.name}: ${error.message}` }\ntext',
    failsByTool: 'const one = 1\nawait echo({ one })\n',
    finalNested:
      'function deep(n: number): void { if (n === 0) finalAnswer({ done: true }); else deep(n - 1) }\n[1].forEach(() => deep(3))\nconsole.log("after")',
    finalInTry: 'try { finalAnswer(1) } catch { console.log("caught") } finally { console.log("finally") }\nconsole.log("after")',
    finalSwallowed: 'try { finalAnswer(1) } catch {}\ntry { console.log("after"); await echo({ n: 1 }) } catch {}\nthrow new Error("late")',
    finalWithOpenCalls: 'echo({ n: 1 }); echo({ n: 2 }).then(() => console.log("late"))\nfinalAnswer("done")',
    strayCall: 'void echo({ n: 1 }).then(() => console.log("late"))\n"main"',
    deadlock: 'await new Promise(() => {})',
    overwrite: (name) => [
      `const ${name} = 1`,
      `function ${name}() {}`,
      `class ${name} {}`,
      `var { a: [${name}] } = { a: [1] }`,
      `${name} = 1`,
      `globalThis.${name} = 1`,
      `Object.defineProperty(globalThis, '${name}', { value: 1 })`,
      `Object.assign(globalThis, { ${name}: 1 })`,
      `Reflect.deleteProperty(globalThis, '${name}')`,
      `delete globalThis.${name}`,
    ],
    print: (text) => `console.log(${JSON.stringify(text)})`,
    printTimes: (times, text) => `for (let i = 0; i < ${times}; i++) console.log(${JSON.stringify(text)})`,
    callTimes: (times) => `let sum = 0\nfor (let i = 0; i < ${times}; i++) sum += (await echo({ n: 1 })).n\nsum`,
    sendString: (length) => `const back = await echo('x'.repeat(${length}))\nback.value.length`,
    receiveString: '(await echo({})).length',
    allocate: (megabytes) =>
      `const held: Uint8Array[] = []\nfor (let i = 0; i < ${megabytes}; i++) held.push(new Uint8Array(1_000_000).fill(i + 1))\nheld.length`,
    loop: (turns) => `let sum = 0\nfor (let i = 0; i < ${turns}; i++) sum += i\nsum`,
    forever: 'for (;;);',
    world: '[Date.now(), new Date().toISOString(), new Date().getTimezoneOffset(), Math.random(), Math.random()]',
    isUnmarked: 'typeof marked === "undefined" && !("secret" in Object.prototype) && [].includes(1) === false',
    mark: 'globalThis.marked = 1; Object.prototype.secret = 1; Array.prototype.includes = () => true; 0',
    context: 'const before = [city, figures.length]\ncity = "Rome"; [...before, city]',
    rich: 'const back = await echo({ value: { map: new Map([["a", new Set([1n])]]), when: new Date(5), never: new Date(NaN), none: undefined, nan: NaN, minus: -0, far: -Infinity, bytes: new Uint8Array([1, 255]), wide: new Float64Array([0.5]), imitation: { $type: "Map", value: [] } } })\nback.value',
    infiniteRecursion: 'function down(): number { return down() + 1 }\ndown()',
  },
  python: {
    declare: 'base = 20\ncount = 1\ndef twice(n):\n    return n * 2',
    useDeclared: 'count += 1\nprint(1)\ntwice(base) + count',
    redeclare: 'base = 1\ncount = None\ndef twice(n):\n    return n',
    useRedeclared: '[base, count, 9, twice(4)]',
    sequential: 'got = []\nfor n in [1, 2, 3]:\n    got.append(echo(n=n)["n"])\ngot',
    parallel: (count) => `[echo(n=n)["n"] for n in range(${count})]`,
    settleOrder: 'order = []\necho(n=1)\norder.append("first")\necho(n=2)\norder.append("second")\norder',
    named: 'add(left=1, right=2)',
    positional: '[add(1, 2), add([1], {"a": 1}), echo("x"), echo({1: 2})]',
    tooManyPositional: 'add(1, 2, 3)',
    throwsOnLine3: 'a = 1\n\nNone.x',
    throwsInFunction: 'def fail():\n    raise ValueError("too far")\n\n\nfail()',
    syntaxErrorOnLine2: 'a = 1\nb = = 2\n',
    linesMoved: 'a = 1\n\n\n\n\nmissing()',
    catchesToolError: 'text = ""\ntry:\n    echo()\nexcept Exception as error:\n    text = str(error)\ntext',
    failsByTool: 'one = 1\necho(one=one)\n',
    finalNested:
      'def deep(n):\n    if n == 0:\n        final_answer({"done": True})\n    else:\n        deep(n - 1)\ndeep(3)\nprint("after")',
    finalInTry: 'try:\n    final_answer(1)\nexcept Exception:\n    print("caught")\nprint("after")',
    finalSwallowed: 'try:\n    final_answer(1)\nexcept:\n    pass\ntry:\n    print("after")\n    echo(n=1)\nexcept:\n    pass\n1 / 0',
    finalWithOpenCalls: 'final_answer("done")',
    strayCall: '"main"',
    deadlock: null,
    overwrite: (name) => [`${name} = 1`, `def ${name}():\n    pass`],
    print: (text) => `print(${JSON.stringify(text)})`,
    printTimes: (times, text) => `for i in range(${times}):\n    print(${JSON.stringify(text)})`,
    callTimes: (times) => `sum([echo(n=1)["n"] for i in range(${times})])`,
    sendString: (length) => `len(echo("x" * ${length})["value"])`,
    receiveString: 'len(echo())',
    allocate: (megabytes) => `held = []\nfor i in range(${megabytes}):\n    held.append("x" * 1000000 + str(i))\nlen(held)`,
    loop: (turns) => `total = 0\nfor i in range(${turns}):\n    total += i\ntotal`,
    forever: 'while True:\n    pass',
    world: '[1]',
    isUnmarked: 'try:\n    marked\n    unmarked = False\nexcept NameError:\n    unmarked = True\nunmarked',
    mark: 'marked = 1',
    context: 'before = [city, len(figures)]\ncity = "Rome"\nbefore + [city]',
    rich: 'back = echo(value={"tuple": (1, 2), "set": {2**60}, "keys": {1: b"\\x01\\xff"}, "nan": float("nan"), "far": -float("inf"), "imitation": {"$type": "Map", "value": []}})\nback["value"]',
    infiniteRecursion: 'def down():\n    return down() + 1\ndown()',
  },
}
