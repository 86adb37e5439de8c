import { describe, expect, test } from 'vitest'
import { compileGlob } from '../../src/disk/sweeping/glob.ts'

describe('a pattern', () => {
  test.each([
    [
      'job_*.log',
      ['job_1.log', 'job_.log', 'job_a.b\n.log'],
      ['job_1.log.gz', 'xjob_1.log', 'a/job_1.log', 'job_1xlog'],
    ],
    [
      'datasets/job_*',
      ['datasets/job_1', 'datasets/job_..'],
      ['datasets/x', 'job_1', 'datasets/job_1/x', 'a/datasets/job_1'],
    ],
    ['*', ['a', 'a.b'], ['.hidden', 'a/b']],
    ['.*', ['.hidden'], ['a']],
    ['?[a-c][!x]', ['1bz', 'zc1'], ['1b', '1bx', '1dz', '.ba', '1b/']],
    ['[]]', [']'], ['[]]', '[']],
    ['{a,bc}*.{log,txt}', ['a.log', 'bc1.txt'], ['b.log', 'a.tx']],
    ['a\\*b', ['a*b'], ['axb']],
    ['**/*.tmp', ['a.tmp', 'a/b.tmp', 'a/b/c.tmp'], ['.a/b.tmp', 'a/.b/c.tmp', 'a.tmp/b']],
    ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['a/x', 'b', 'ab']],
    ['(a+b).log', ['(a+b).log'], ['aab.log']],
    ['x**y', ['xy', 'x12y'], ['x/y']],
  ])('%s', (pattern, those, others) => {
    const glob = compileGlob('match', pattern)
    expect(those.filter((path) => !glob.matches(path))).toEqual([])
    expect(others.filter((path) => glob.matches(path))).toEqual([])
  })

  test.each([
    ['*.log', [], ['a']],
    ['datasets/job_*', ['datasets'], ['a', 'datasets/job_1']],
    ['*/b/*.log', ['x', 'x/b'], ['x/c', 'x/b/c', '.x']],
    ['a/**/*.tmp', ['a', 'a/b', 'a/b/c'], ['b', 'a/.b', 'a/.b/c']],
  ])('%s leads into the folders where something may be meant', (pattern, those, others) => {
    const glob = compileGlob('match', pattern)
    expect(those.filter((path) => !glob.enters(path))).toEqual([])
    expect(others.filter((path) => glob.enters(path))).toEqual([])
  })

  test.each([
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    '..',
    '../a',
    'a/../b',
    './a',
    'a/.',
    '**',
    'a/**',
    '[a',
    '{a',
    '{a,{b}}',
    '{a/b}',
  ])('%s is refused', (pattern) => {
    expect(() => compileGlob('options.rules[0].match', pattern)).toThrow(/^options\.rules\[0\]\.match must be /)
  })
})
