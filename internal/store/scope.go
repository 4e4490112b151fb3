package store

import (
	"encoding/base64"
	"strconv"
	"strings"

	"filo/access"
)

// scope gives the SQL predicate for what v may see, over the columns that hold
// the body and the centre of a row. It is the twin of access.Viewer.Sees; a
// property test compares the two.
func scope(v access.Viewer, body, centre string, args *[]any) string {
	mark := func(s string) string {
		*args = append(*args, s)
		return "$" + strconv.Itoa(len(*args))
	}
	switch v.Kind {
	case access.System, access.National:
		return "true"
	case access.Centre:
		return "(" + centre + " <> '' AND " + centre + " = " + mark(string(v.Centre)) + ")"
	case access.Body, access.Operator:
		if len(v.Bodies) == 0 {
			return "false"
		}
		m := make([]string, len(v.Bodies))
		for i, b := range v.Bodies {
			m[i] = mark(string(b))
		}
		return "(" + body + " <> '' AND " + body + " IN (" + strings.Join(m, ",") + "))"
	default:
		return "false"
	}
}

func encodeCursor(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decodeCursor(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }
