import { assertNever } from '../util/assert-never.ts'
import { type FunctionDescription, plainExample } from '../schema/function-description.ts'
import { jsonSchemaOf, type JsonSchema } from '../schema/json-schema.ts'
import { pythonFunction, pythonSignature } from '../schema/python.ts'
import { parametersOf } from '../schema/read-shape.ts'
import { typescriptFunction, typescriptSignature } from '../schema/typescript.ts'
import type { AnyTool } from './tool.ts'

/** Languages that tools can be declared in. */
export type ToolLanguage = 'typescript' | 'python'

/** A tool as native tool calling wants it. */
export interface FunctionDeclaration {
  readonly name: string
  readonly description: string
  readonly inputSchema: JsonSchema
}

/** What a sandbox must know of a tool (the `GuestFunction` of the sandbox port). */
export interface GuestFunctionDeclaration {
  readonly name: string
  /** Property names of the input schema, in the schema's order. */
  readonly parameters: readonly string[]
  readonly signature: string
}

const declarations: Readonly<Record<ToolLanguage, WeakMap<AnyTool, string>>> = { typescript: new WeakMap(), python: new WeakMap() }
const signatures: Readonly<Record<ToolLanguage, WeakMap<AnyTool, string>>> = { typescript: new WeakMap(), python: new WeakMap() }

/** The tool as a prompt shows it: a TypeScript declaration or a Python stub, with its documentation. Kept with the tool. Throws `schema/unsupported`. */
export function declareTool(tool: AnyTool, language: ToolLanguage): string {
  return kept(declarations[language], tool, () => printFunction(describeTool(tool), language))
}

/** The one-line form, as errors about wrong arguments show it. Kept with the tool. Throws `schema/unsupported`. */
export function toolSignature(tool: AnyTool, language: ToolLanguage): string {
  return kept(signatures[language], tool, () => printSignature(describeTool(tool), language))
}

/** Name, description and JSON Schema for a model's native tool calling. Throws `schema/unsupported`. */
export function functionDeclaration(tool: AnyTool): FunctionDeclaration {
  const notFor = tool.notFor ? [`Not for: ${tool.notFor}`] : []
  const examples = (tool.examples ?? []).map((example) => `Example: ${JSON.stringify(plainExample(example))}`)
  return {
    name: tool.name,
    description: [tool.description, ...notFor, ...examples].join('\n'),
    inputSchema: jsonSchemaOf(tool.input, 'input'),
  }
}

/** What a sandbox needs to bind the tool as a function of its language. Throws `schema/unsupported`. */
export function guestFunction(tool: AnyTool, language: ToolLanguage): GuestFunctionDeclaration {
  return { name: tool.name, parameters: parametersOf(tool.input), signature: toolSignature(tool, language) }
}

/** The tool's schemas and texts as the printers of `schema/` take them. Throws `schema/unsupported`. */
function describeTool(tool: AnyTool): FunctionDescription {
  const { name, description, output, notFor, examples } = tool
  return {
    name,
    description,
    input: jsonSchemaOf(tool.input, 'input', 'code'),
    output: output && jsonSchemaOf(output, 'output', 'code'),
    notFor,
    examples,
  }
}

function printFunction(description: FunctionDescription, language: ToolLanguage): string {
  switch (language) {
    case 'typescript':
      return typescriptFunction(description)
    case 'python':
      return pythonFunction(description)
    default:
      return assertNever(language)
  }
}

function printSignature(description: FunctionDescription, language: ToolLanguage): string {
  switch (language) {
    case 'typescript':
      return typescriptSignature(description)
    case 'python':
      return pythonSignature(description)
    default:
      return assertNever(language)
  }
}

function kept(cache: WeakMap<AnyTool, string>, tool: AnyTool, make: () => string): string {
  let text = cache.get(tool)
  if (text === undefined) cache.set(tool, (text = make()))
  return text
}
