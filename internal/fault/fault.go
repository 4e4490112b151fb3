// Package fault is the small closed set of things that can go wrong in filo,
// seen from the person who asked: each error carries a kind, the key of a
// sentence in the reader's language, and the cause kept for the log.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what an error means to whoever asked.
type Kind int

// The kinds. Hidden answers like NotFound outside and is told apart only in the log.
const (
	Internal    Kind = iota // a defect or a failure of ours: nothing the asker can mend
	NotFound                // no such thing
	Hidden                  // it exists, but this viewer may not know it
	Invalid                 // the input is wrong; Field says where
	Conflict                // somebody else was faster, or the state does not allow it
	Forbidden               // known and visible, but not allowed to act on it
	NotCovered              // no agreement in force allows this flow
	Expired                 // a code, a session, a term is over
	TooLarge                // beyond a limit stated in the manual
	TooMany                 // asked too often
	Unavailable             // try again: the database or a peer is away
)

var names = [...]string{
	"internal", "not_found", "hidden", "invalid", "conflict", "forbidden",
	"not_covered", "expired", "too_large", "too_many", "unavailable",
}

// String gives the kind's name as logs and the API print it.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(names) {
		return names[Internal]
	}
	return names[k]
}

// Error is an error a person may be shown. Key names a sentence of i18n, Args
// fill it, Field names the wrong input, Err is the cause, for the log only.
type Error struct {
	Kind  Kind
	Key   string
	Args  []any
	Field string
	Err   error
}

// Error gives the text of the log, never of a page.
func (e *Error) Error() string {
	s := e.Kind.String() + " " + e.Key
	if e.Field != "" {
		s += " (" + e.Field + ")"
	}
	if len(e.Args) > 0 {
		s += fmt.Sprintf(" %v", e.Args)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a kind with the key of its sentence.
func New(k Kind, key string, args ...any) *Error { return &Error{Kind: k, Key: key, Args: args} }

// Wrap makes an error of a kind around its cause.
func Wrap(k Kind, err error, key string, args ...any) *Error {
	return &Error{Kind: k, Key: key, Args: args, Err: err}
}

// Bad makes an Invalid error about one field of the input.
func Bad(field, key string, args ...any) *Error {
	return &Error{Kind: Invalid, Key: key, Args: args, Field: field}
}

// KindOf gives the kind of the outermost fault in err; anything else is Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is of kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// Outside gives what may leave the node: Hidden becomes NotFound, and an
// unknown error becomes Internal without its text.
func Outside(err error) *Error {
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Kind: Internal, Key: "fault.internal"}
	}
	if e.Kind == Hidden || e.Kind == NotFound {
		return &Error{Kind: NotFound, Key: "fault.not_found"}
	}
	return &Error{Kind: e.Kind, Key: e.Key, Args: e.Args, Field: e.Field}
}
