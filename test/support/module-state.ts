import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Node, type SourceFile, SyntaxKind } from 'typescript/unstable/ast';
import {
  isBinaryExpression,
  isCallExpression,
  isClassDeclaration,
  isDeleteExpression,
  isElementAccessExpression,
  isIdentifier,
  isNewExpression,
  isNumericLiteral,
  isPostfixUnaryExpression,
  isPrefixUnaryExpression,
  isPropertyAccessExpression,
  isPropertyDeclaration,
  isVariableStatement,
} from 'typescript/unstable/ast/is';
import { API } from 'typescript/unstable/sync';

/** Methods that change the object that they are called on: of collections, arrays, buffers and views. */
const MUTATORS =
  /^(set|add|delete|clear|push|pop|shift|unshift|splice|sort|reverse|fill|copyWithin|(set|write)[A-Z]\w*)$/;

/** Memory that is zero when it is made, and so is of use only to somebody who writes to it. */
const MEMORY = /^(ArrayBuffer|SharedArrayBuffer|DataView|(Big)?(Ui|I)nt\d+(Clamped)?Array|Float\d+Array)$/;

/** A place in a module that keeps state outside of an object. */
export interface ModuleState {
  readonly file: string;
  readonly name: string;
}

/** Parses all files of a folder (absolute path); nothing that they import is looked at. */
export function parseFolder(folder: string): readonly SourceFile[] {
  const temporary = mkdtempSync(join(tmpdir(), 'tidelog-parse-'));
  try {
    const config = join(temporary, 'tsconfig.json');
    const compilerOptions = { noLib: true, noResolve: true, types: [], noEmit: true, allowImportingTsExtensions: true };
    writeFileSync(config, JSON.stringify({ compilerOptions, include: [`${folder}/**/*.ts`] }));
    const api = new API({ cwd: temporary });
    const { program } = api.updateSnapshot({ openProject: config }).getProjects()[0]!;
    const files = program.getSourceFileNames().map((name) => program.getSourceFile(name)!);
    api.close();
    return files;
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

/**
 * Names of a module that hold state: top-level `let` and `var`, weak collections, constants that a function changes, memory
 * that is not filled when the module is loaded, and static fields of classes that are not readonly.
 */
export function moduleStateIn(file: SourceFile): readonly string[] {
  const found = new Set<string>();
  const constants = new Set<string>();
  const memory = new Set<string>();
  for (const statement of file.statements) {
    if (isClassDeclaration(statement)) {
      for (const member of statement.members) {
        if (
          isPropertyDeclaration(member) &&
          has(member, SyntaxKind.StaticKeyword) &&
          !has(member, SyntaxKind.ReadonlyKeyword)
        ) {
          found.add(member.name.getText(file));
        }
      }
    }
    if (!isVariableStatement(statement) || has(statement, SyntaxKind.DeclareKeyword)) continue;
    const isConst = /^(export )?const\b/.test(statement.getText(file));
    for (const { name, initializer } of statement.declarationList.declarations) {
      const text = name.getText(file);
      if (!isConst) found.add(text);
      constants.add(text);
      if (initializer === undefined) continue;
      if (isNewExpression(initializer) && /^Weak(Map|Set)$/.test(initializer.expression.getText(file))) found.add(text);
      if (isMemory(initializer, file)) memory.add(text);
    }
  }
  const visit = (node: Node, isInFunction: boolean): void => {
    const changed = changedBy(node, file);
    if (changed !== undefined && constants.has(changed)) {
      if (isInFunction) found.add(changed);
      else memory.delete(changed);
    }
    node.forEachChild((child) => visit(child, isInFunction || isFunction(node)));
  };
  file.forEachChild((statement) => visit(statement, false));
  return [...found, ...[...memory].filter((name) => !found.has(name))];
}

/** The name of the object that an expression changes directly. */
function changedBy(node: Node, file: SourceFile): string | undefined {
  if (isCallExpression(node)) {
    const { expression: method } = node;
    if (!isPropertyAccessExpression(method) || !MUTATORS.test(method.name.getText(file))) return undefined;
    return isIdentifier(method.expression) ? method.expression.getText(file) : undefined;
  }
  let target: Node | undefined;
  if (isBinaryExpression(node) && isAssignment(node.operatorToken.kind)) target = node.left;
  if (isDeleteExpression(node)) target = node.expression;
  if (isPostfixUnaryExpression(node)) target = node.operand;
  if (isPrefixUnaryExpression(node) && isStep(node.operator)) target = node.operand;
  if (target === undefined || !(isElementAccessExpression(target) || isPropertyAccessExpression(target)))
    return undefined;
  return isIdentifier(target.expression) ? target.expression.getText(file) : undefined;
}

function isMemory(node: Node, file: SourceFile): boolean {
  if (isNewExpression(node)) return MEMORY.test(node.expression.getText(file)) && isSized(node.arguments?.[0]);
  if (!isCallExpression(node)) return false;
  return /^Buffer\.alloc(Unsafe(Slow)?)?$/.test(node.expression.getText(file)) && isSized(node.arguments[0]);
}

/** By a number other than 0; an array or another buffer fills it. */
function isSized(size: Node | undefined): boolean {
  if (size === undefined || size.kind === SyntaxKind.ArrayLiteralExpression) return false;
  return !(isNumericLiteral(size) && size.text === '0');
}

function has(node: Node, modifier: SyntaxKind): boolean {
  const { modifiers } = node as Node & { readonly modifiers?: readonly Node[] };
  return modifiers?.some(({ kind }) => kind === modifier) ?? false;
}

function isAssignment(operator: SyntaxKind): boolean {
  return operator >= SyntaxKind.FirstAssignment && operator <= SyntaxKind.LastAssignment;
}

function isStep(operator: SyntaxKind): boolean {
  return operator === SyntaxKind.PlusPlusToken || operator === SyntaxKind.MinusMinusToken;
}

function isFunction({ kind }: Node): boolean {
  return (
    kind === SyntaxKind.FunctionDeclaration ||
    kind === SyntaxKind.FunctionExpression ||
    kind === SyntaxKind.ArrowFunction ||
    kind === SyntaxKind.MethodDeclaration ||
    kind === SyntaxKind.Constructor ||
    kind === SyntaxKind.GetAccessor ||
    kind === SyntaxKind.SetAccessor
  );
}
