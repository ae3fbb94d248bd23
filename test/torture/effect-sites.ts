/**
 * Every place in the source that asks for an effect, found with the compiler: calls of the two sides' methods that change something
 * there, commits and writes of the database, and calls of functions of `src/store` that write. A place is where a stack trace
 * puts it, since Node strips types and leaves everything else where it is.
 */
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { isMutation, mutations } from './mutations.ts';

export interface EffectSite {
  /** `controller/claim.ts:107:5`: below `src`, as in a stack trace. */
  readonly place: string;
  /** `Claims.#grant`, or the file's top. */
  readonly within: string;
  /** `moveAllocation`, `slurm.cancel`, `transaction`. */
  readonly effect: string;
}

/** `controller/claim.ts #grant: moveAllocation`: the same when lines move. */
export function nameOf({ place, within, effect }: EffectSite): string {
  return `${place.split(':')[0]} ${within}: ${effect}`;
}

/** The ports, and the clients that stand behind them. */
const sideOf: Readonly<Record<string, string>> = {
  SlurmPort: 'slurm',
  WholeSlurm: 'slurm',
  SlurmClient: 'slurm',
  GitHubPort: 'github',
  GitHubClient: 'github',
};

/** What drizzle and better-sqlite3 write with. The source reads with all other methods: see hidden-writes.ts. */
const writes: ReadonlySet<string> = new Set(['run', 'transaction', 'exec']);
const methods: ReadonlySet<string> = new Set([
  ...writes,
  ...Object.values(mutations).flatMap((side) => Object.keys(side).filter((method) => side[method] === true)),
]);

export interface SourceTexts {
  readonly root: string;
  /** Files of `src`, below it, that are left out with all that calls them. */
  readonly leftOut?: ReadonlySet<string>;
  /** Texts in place of those on disk, or beside them, by path. */
  readonly texts?: ReadonlyMap<string, string>;
}

export function findEffectSites(source: SourceTexts): readonly EffectSite[] {
  const { root, leftOut = new Set() } = source;
  const { program, files } = compile(source);
  return new Search(program.getTypeChecker(), join(root, 'src'), leftOut).sitesIn(files);
}

/** The files of `src`, with their types. */
export function compile({ root, texts = new Map() }: SourceTexts): {
  readonly program: ts.Program;
  readonly files: readonly ts.SourceFile[];
} {
  const tsconfig = join(root, 'tsconfig.json');
  const { config } = ts.readConfigFile(tsconfig, ts.sys.readFile);
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, root, {}, tsconfig);
  const src = join(root, 'src');
  const host = ts.createCompilerHost(options);
  const readFile = host.readFile.bind(host);
  const fileExists = host.fileExists.bind(host);
  host.readFile = (file) => texts.get(file) ?? readFile(file);
  host.fileExists = (file) => texts.has(file) || fileExists(file);
  const names = new Set([...fileNames.filter((file) => file.startsWith(src)), ...texts.keys()]);
  const program = ts.createProgram([...names], options, host);
  const files = program
    .getSourceFiles()
    .filter(({ fileName }) => names.has(fileName) && !fileName.includes('.gen.'));
  return { program, files };
}

class Search {
  readonly #checker: ts.TypeChecker;
  readonly #src: string;
  readonly #leftOut: ReadonlySet<string>;
  /** Functions of the store, and whether they write. */
  readonly #writers = new Map<ts.Node, boolean>();

  constructor(checker: ts.TypeChecker, src: string, leftOut: ReadonlySet<string>) {
    this.#checker = checker;
    this.#src = src;
    this.#leftOut = leftOut;
  }

  sitesIn(files: readonly ts.SourceFile[]): EffectSite[] {
    return files
      .filter((file) => !this.#isLeftOut(file))
      .flatMap((file) =>
        callsIn(file).flatMap((call) => {
          const effect = this.#effectOf(call);
          if (effect === null) return [];
          const { line, character } = file.getLineAndCharacterOfPosition(positionOf(call));
          const place = `${relative(this.#src, file.fileName)}:${line + 1}:${character + 1}`;
          return { place, within: enclosing(call), effect };
        }),
      );
  }

  #effectOf(call: ts.CallExpression): string | null {
    const { expression } = call;
    const isMethod = ts.isPropertyAccessExpression(expression);
    const called = isMethod ? expression.name : expression;
    // Types of other libraries are costly to look at.
    if (!ts.isIdentifier(called) || (isMethod && !methods.has(called.text))) return null;
    const symbol = this.#checker.getSymbolAtLocation(called);
    const isAlias = symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0;
    const [declaration] =
      (isAlias ? this.#checker.getAliasedSymbol(symbol) : symbol)?.getDeclarations() ?? [];
    if (declaration === undefined) return null;
    const file = declaration.getSourceFile();
    if (isMethod) {
      const name = called.text;
      if (/node_modules\/(?:drizzle-orm|@types\/better-sqlite3)\//.test(file.fileName))
        return writes.has(name) ? name : null;
      const { parent } = declaration;
      const side = ts.isInterfaceDeclaration(parent) ? sideOf[parent.name.text] : undefined;
      return side !== undefined && isMutation(side, name) ? `${side}.${name}` : null;
    }
    const isOfStore = dirname(file.fileName) === join(this.#src, 'store');
    return isOfStore && !this.#isLeftOut(file) && this.#writesIn(declaration) ? called.text : null;
  }

  #isLeftOut(file: ts.SourceFile): boolean {
    return this.#leftOut.has(relative(this.#src, file.fileName));
  }

  /** Whether a function of the store has a write, in itself or in what it calls. */
  #writesIn(declaration: ts.Declaration): boolean {
    const known = this.#writers.get(declaration);
    if (known !== undefined) return known;
    // One that calls itself.
    this.#writers.set(declaration, false);
    const isWriter = callsIn(declaration).some((call) => this.#effectOf(call) !== null);
    this.#writers.set(declaration, isWriter);
    return isWriter;
  }
}

export function callsIn(node: ts.Node): ts.CallExpression[] {
  const calls: ts.CallExpression[] = [];
  const visit = (child: ts.Node): void => {
    if (ts.isCallExpression(child)) calls.push(child);
    ts.forEachChild(child, visit);
  };
  visit(node);
  return calls;
}

/** Where V8 says that a call is: at the name of a method, at the start of everything else. */
function positionOf({ expression }: ts.CallExpression): number {
  return ts.isPropertyAccessExpression(expression) ? expression.name.getStart() : expression.getStart();
}

/** The functions around a node that have a name, from the outside in. */
function enclosing(node: ts.Node): string {
  const names: string[] = [];
  for (let at: ts.Node | undefined = node.parent; at !== undefined; at = at.parent) {
    if (ts.isConstructorDeclaration(at)) names.unshift('constructor');
    if (ts.isFunctionDeclaration(at) || ts.isMethodDeclaration(at) || ts.isClassDeclaration(at))
      names.unshift(at.name?.getText() ?? 'default');
    else if (isOfFile(at)) names.unshift(at.name.getText());
  }
  return names.join('.') || 'the top of the file';
}

/** A variable at the top of a file, such as a function that is one. */
function isOfFile(node: ts.Node): node is ts.VariableDeclaration {
  return ts.isVariableDeclaration(node) && ts.isSourceFile(node.parent.parent.parent);
}
