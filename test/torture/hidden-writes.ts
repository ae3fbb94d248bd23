/**
 * Writes that effect-sites.ts would take for reads. The source has none: what `get`, `all` and their like are given is a text that only
 * reads, and nothing asks for what a write returns.
 */
import { relative } from 'node:path';
import ts from 'typescript';
import { callsIn, compile, type SourceTexts } from './effect-sites.ts';

const readers: ReadonlySet<string> = new Set(['get', 'all', 'values', 'iterate', 'prepare']);
const reads = /^\s*(?:select|with|pragma|explain)\b/i;
const writesToo = /\b(?:insert|update|delete|replace|returning)\b/i;

/** @returns `controller/claim.ts:107: why`, of each. */
export function findHiddenWrites(source: SourceTexts): string[] {
  const { program, files } = compile(source);
  const checker = program.getTypeChecker();
  const src = `${source.root}/src`;
  return files
    .filter((file) => source.leftOut?.has(relative(src, file.fileName)) !== true)
    .flatMap((file) =>
      callsIn(file).flatMap((call) => {
        const why = hiddenWrite(checker, call);
        const { line } = file.getLineAndCharacterOfPosition(call.getEnd());
        return why === null ? [] : [`${relative(src, file.fileName)}:${line + 1}: ${why}`];
      }),
    );
}

function hiddenWrite(checker: ts.TypeChecker, { expression, arguments: [given] }: ts.CallExpression) {
  if (!ts.isPropertyAccessExpression(expression)) return null;
  const { name } = expression;
  if (name.text !== 'returning' && !readers.has(name.text)) return null;
  const file = checker.getSymbolAtLocation(name)?.getDeclarations()?.[0]?.getSourceFile().fileName ?? '';
  if (!/node_modules\/(?:drizzle-orm|@types\/better-sqlite3)\//.test(file)) return null;
  if (name.text === 'returning') return 'a write is asked for what it returns';
  // A query that drizzle has built; its writes run by `run`.
  if (given === undefined || isParameter(expression, given)) return null;
  const text = textOf(given);
  if (text === null) return `nobody can see what ${name.text} is given`;
  if (reads.test(text) && !writesToo.test(text)) return null;
  return isRunAtOnce(expression.parent) ? null : `${name.text} is given a text that does not only read`;
}

/** A statement's `get` and `all` take what its placeholders stand for; only `prepare`, and drizzle's database, take texts. */
function isParameter({ name, expression }: ts.PropertyAccessExpression, given: ts.Expression): boolean {
  if (name.text === 'prepare') return false;
  const isOfDatabase = ts.isIdentifier(expression) || ts.isPropertyAccessExpression(expression);
  return !(isOfDatabase && /^(?:db|tx)$/.test(lastOf(expression))) && textOf(given) === null;
}

const lastOf = (node: ts.Expression): string =>
  ts.isPropertyAccessExpression(node) ? node.name.text : node.getText();

/** Of a literal, or of one that drizzle's tag is put to; what is put into it is left out. */
function textOf(node: ts.Expression): string | null {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTaggedTemplateExpression(node)) return textOf(node.template);
  if (!ts.isTemplateExpression(node)) return null;
  return [node.head, ...node.templateSpans.map(({ literal }) => literal)].map(({ text }) => text).join(' ');
}

/** `prepare('…').run(…)`, which is a site by its last part. */
function isRunAtOnce(call: ts.Node): boolean {
  const { parent } = call;
  return ts.isPropertyAccessExpression(parent) && parent.name.text === 'run';
}
