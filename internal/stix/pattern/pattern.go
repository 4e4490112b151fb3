// Package pattern reads STIX patterns (STIX 2.1, section 9) and evaluates them
// on observed data. Parse follows the grammar; Validate adds what the grammar
// cannot say; Expression.Match evaluates.
package pattern

import (
	"fmt"
	"time"
)

// Limits of what is read and evaluated.
const (
	MaxPattern = 64 << 10 // bytes
	maxDepth   = 64       // nested parentheses
	maxTries   = 200_000  // bindings looked at in one evaluation
)

// Error says what is wrong with a pattern, and where: Line and Column count
// from 1, Column in characters.
type Error struct {
	Line, Column int
	What         string
}

// Error gives "1:7: what".
func (e *Error) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.What) }

// Op is an operator of a comparison.
type Op string

// The operators of section 9.4.
const (
	Equal      Op = "="
	NotEqual   Op = "!="
	Less       Op = "<"
	LessEq     Op = "<="
	Greater    Op = ">"
	GreaterEq  Op = ">="
	In         Op = "IN"
	Like       Op = "LIKE"
	Matches    Op = "MATCHES"
	IsSubset   Op = "ISSUBSET"
	IsSuperset Op = "ISSUPERSET"
	Exists     Op = "EXISTS"
)

// Path is an object path: "network-traffic:dst_ref.value".
type Path struct {
	Type  string
	Steps []Step
}

// Step is one part of a path: a property, or an index into a list.
type Step struct {
	Key   string
	Index int  // of a list
	List  bool // the step is an index
	Any   bool // [*]
}

// Comparison is one test of a path against literals.
type Comparison struct {
	Path   Path
	Op     Op
	Not    bool
	Values []Value // one, or those of IN
	like   matcher // compiled LIKE or MATCHES
}

// Test is what stands inside square brackets: a comparison, or an AND or OR of tests.
type Test struct {
	And, Or []Test
	*Comparison
}

// Expression is an observation expression: a test of one observation, or
// expressions joined by AND, OR or FOLLOWEDBY, with qualifiers.
type Expression struct {
	Test       *Test
	Join       string // AND, OR, FOLLOWEDBY; empty for a test or a group of one
	Parts      []Expression
	Qualifiers []Qualifier
}

// Qualifier narrows an expression: in the order in which they apply.
type Qualifier struct {
	Kind        string // WITHIN, REPEATS, START
	Within      time.Duration
	Times       int
	Start, Stop time.Time
}

// Comparisons gives every comparison of an expression, from left to right.
func (e Expression) Comparisons() []*Comparison {
	var out []*Comparison
	if e.Test != nil {
		out = e.Test.comparisons(nil)
	}
	for _, p := range e.Parts {
		out = append(out, p.Comparisons()...)
	}
	return out
}

func (t Test) comparisons(out []*Comparison) []*Comparison {
	if t.Comparison != nil {
		return append(out, t.Comparison)
	}
	for _, sub := range append(t.And, t.Or...) {
		out = sub.comparisons(out)
	}
	return out
}

// Single reports whether the expression speaks of one observation alone, so
// that one event can answer it.
func (e Expression) Single() bool {
	for e.Test == nil && len(e.Parts) == 1 && len(e.Qualifiers) == 0 {
		e = e.Parts[0]
	}
	return e.Test != nil && len(e.Qualifiers) == 0
}
