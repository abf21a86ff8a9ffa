/** The modules that this Python has. */
export const MODULES = 'json, re, math, datetime and typing'
/** Where a model, or its owner, finds what this Python lacks. */
export const FULL_PYTHON = "Full Python has it: sandbox 'bubblewrap' or 'container'"
