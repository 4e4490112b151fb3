package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"filo/access"
	"filo/internal/fault"
	"filo/internal/ids"
)

// A domain type is read and written through one list of pointers to its fields,
// in the order of its columns: scanned into, or turned into arguments by values.

// instant keeps a time as microseconds since 1970 in UTC; the zero time is 0.
type instant struct{ t *time.Time }

func at(t *time.Time) instant { return instant{t} }

// Scan implements sql.Scanner.
func (i instant) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("instant from %T", v)
	}
	if n == 0 {
		*i.t = time.Time{}
		return nil
	}
	*i.t = time.UnixMicro(n).UTC()
	return nil
}

// Value implements driver.Valuer.
func (i instant) Value() (driver.Value, error) { return micro(*i.t), nil }

func micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// document keeps a value as JSON text.
type document struct{ v any }

func doc(v any) document { return document{v} }

// Scan implements sql.Scanner.
func (d document) Scan(v any) error {
	switch s := v.(type) {
	case string:
		return json.Unmarshal([]byte(s), d.v)
	case []byte:
		return json.Unmarshal(s, d.v)
	default:
		return fmt.Errorf("document from %T", v)
	}
}

// Value implements driver.Valuer.
func (d document) Value() (driver.Value, error) {
	b, err := json.Marshal(d.v)
	return string(b), err
}

// values turns field pointers into arguments of the basic kinds that both
// drivers take.
func values(fields []any) []any {
	out := make([]any, len(fields))
	for i, f := range fields {
		out[i] = value(f)
	}
	return out
}

func value(f any) any {
	if v, ok := f.(driver.Valuer); ok {
		return v
	}
	r := reflect.ValueOf(f)
	for r.Kind() == reflect.Pointer {
		r = r.Elem()
	}
	switch r.Kind() {
	case reflect.String:
		return r.String()
	case reflect.Bool:
		return r.Bool()
	case reflect.Int, reflect.Int64, reflect.Int32:
		return r.Int()
	case reflect.Uint64, reflect.Uint32:
		return int64(r.Uint())
	default:
		return r.Interface()
	}
}

// marks gives "$from,...": n placeholders.
func marks(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(from + i))
	}
	return b.String()
}

// sets gives "a=$from, b=..." for the columns.
func sets(cols string, from int) string {
	names := split(cols)
	for i, c := range names {
		names[i] = c + "=$" + strconv.Itoa(from+i)
	}
	return strings.Join(names, ", ")
}

// excluded gives "a=excluded.a, ..." for the columns that are not part of the key.
func excluded(cols, key string) string {
	keys := split(key)
	var out []string
	for _, c := range split(cols) {
		isKey := false
		for _, k := range keys {
			isKey = isKey || k == c
		}
		if !isKey {
			out = append(out, c+"=excluded."+c)
		}
	}
	return strings.Join(out, ", ")
}

// prefixed gives "p.a, p.b" for the columns.
func prefixed(p, cols string) string {
	names := split(cols)
	for i, c := range names {
		names[i] = p + "." + c
	}
	return strings.Join(names, ", ")
}

func split(cols string) []string {
	names := strings.Split(cols, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// where collects conditions with their arguments.
type where struct {
	conds []string
	args  []any
}

// add puts one condition; each ? stands for the next argument.
func (w *where) add(cond string, args ...any) {
	for _, a := range args {
		w.args = append(w.args, value(a))
		cond = strings.Replace(cond, "?", "$"+strconv.Itoa(len(w.args)), 1)
	}
	w.conds = append(w.conds, cond)
}

// in puts "col IN (...)"; an empty list fits nothing.
func in[T ~string](w *where, col string, list []T) {
	if len(list) == 0 {
		w.conds = append(w.conds, "false")
		return
	}
	args := make([]any, len(list))
	for i, s := range list {
		args[i] = string(s)
	}
	w.add(col+" IN (?"+strings.Repeat(",?", len(list)-1)+")", args...)
}

// scope puts what the viewer may see at all.
func (w *where) scope(v access.Viewer, body, centre string) {
	w.conds = append(w.conds, scope(v, body, centre, &w.args))
}

func (w *where) String() string {
	if len(w.conds) == 0 {
		return "true"
	}
	return strings.Join(w.conds, " AND ")
}

func limit(n, most int) string {
	if n <= 0 || n > most {
		n = most
	}
	return " LIMIT " + strconv.Itoa(n)
}

// cursor joins the values of the last row seen into one opaque word.
func cursor(parts ...any) string {
	b, _ := json.Marshal(parts)
	return encodeCursor(b)
}

func uncursor(s string, dest ...any) error {
	b, err := decodeCursor(s)
	if err != nil {
		return fault.Bad("after", "fault.cursor")
	}
	var raw []json.RawMessage
	if json.Unmarshal(b, &raw) != nil || len(raw) != len(dest) {
		return fault.Bad("after", "fault.cursor")
	}
	for i := range raw {
		if json.Unmarshal(raw[i], dest[i]) != nil {
			return fault.Bad("after", "fault.cursor")
		}
	}
	return nil
}

// changed turns an update that met no row into a conflict or an absence.
func changed(n int64, err error) error {
	if err == nil && n == 0 {
		return fault.New(fault.Conflict, "fault.conflict")
	}
	return err
}

func strs(list []ids.ID) []string {
	out := make([]string, len(list))
	for i, id := range list {
		out[i] = string(id)
	}
	return out
}
