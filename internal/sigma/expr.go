package sigma

import (
	"net/netip"
	"regexp"
)

// expr is what a rule asks, ready to be answered: an atom, or expressions
// joined. of wants at least n of its kids.
type expr struct {
	op   exprOp
	n    int
	kids []*expr
	atom *atom
	name string // of the selection that begins here
	item *item  // of the rule text that begins here
}

type exprOp uint8

const (
	opAtom exprOp = iota
	opAnd
	opOr
	opNot
	opOf
)

// what an atom asks of a field.
type ask uint8

const (
	askLiteral ask = iota // a folded text at its place
	askGlob               // a text with wildcards, or one whose case counts
	askRegexp
	askNet
	askCompare // a number, or a part of a date
	askExists
	askNull
	askRef // another field of the same event
)

// atom is one question about one field; it holds when any value of the field
// passes. The empty field stands for all fields.
type atom struct {
	ask        ask
	field      string
	text       []byte // literal: folded
	start, end bool   // literal, ref: which ends of the value bind
	cased      bool
	glob       glob
	re         *regexp.Regexp
	net        netip.Prefix
	cmp        compare
	unit       unit
	num        float64
	exists     bool
	ref        string
	written    string // the value as the rule has it

	need    need  // the literal without which it cannot hold
	bit     int32 // literal, need: its place among the bits of the bucket; -1 none
	fieldNo int32 // number of the field in the engine; -1 all fields
	refNo   int32
}

// need is a folded text that a value must contain for an atom to hold.
type need struct {
	text       []byte
	start, end bool
}

type compare uint8

const (
	cmpEq compare = iota
	cmpLt
	cmpLte
	cmpGt
	cmpGte
)

func (c compare) holds(a, b float64) bool {
	switch c {
	case cmpLt:
		return a < b
	case cmpLte:
		return a <= b
	case cmpGt:
		return a > b
	case cmpGte:
		return a >= b
	}
	return a == b
}

func and(kids []*expr) *expr { return joined(opAnd, kids) }
func or(kids []*expr) *expr  { return joined(opOr, kids) }

func joined(op exprOp, kids []*expr) *expr {
	if len(kids) == 1 {
		return kids[0]
	}
	return &expr{op: op, kids: kids}
}

func not(e *expr) *expr { return &expr{op: opNot, kids: []*expr{e}} }

// walk visits an expression and all below it.
func (e *expr) walk(visit func(*expr)) {
	visit(e)
	for _, k := range e.kids {
		k.walk(visit)
	}
}
