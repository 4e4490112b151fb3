package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filo/internal/observable"
)

// oldLayout names the files of the first version: one hour as JSON behind its
// checksum. They are read once and become segments.
const oldLayout = "2006010215"

type oldHour struct {
	Entries []struct {
		Kind  string    `json:"k"`
		Value string    `json:"v"`
		Log   string    `json:"l"`
		Count int       `json:"n"`
		First time.Time `json:"f"`
		Last  time.Time `json:"t"`
	} `json:"entries"`
	Lines map[string]uint64 `json:"lines"`
}

func (h *History) readOld(names []string) error {
	for _, name := range names {
		at, err := time.Parse(oldLayout, name)
		if err != nil {
			continue // no file of ours
		}
		b, err := os.ReadFile(filepath.Join(h.dir, name))
		if err != nil {
			return err
		}
		x, err := decodeOld(b)
		if err != nil {
			if err := h.setAside(name); err != nil {
				return err
			}
			continue
		}
		if err := h.convert(name, hourSpan(at), x); err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(h.dir, name)); err != nil {
			return err
		}
	}
	h.sort()
	return nil
}

func decodeOld(b []byte) (x oldHour, err error) {
	sum, body, ok := strings.Cut(string(b), "\n")
	if !ok || sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body))) {
		return x, errors.New("the checksum does not fit")
	}
	return x, json.Unmarshal([]byte(body), &x)
}

// convert makes a segment of an old hour. It says which file it takes the place
// of: killed before that is gone, the next start deletes it.
func (h *History) convert(name string, s span, x oldHour) error {
	t := blank(h.dir, fmt.Sprintf("%s-%06d", s.name(), h.next), s)
	h.next++
	for _, e := range x.Entries {
		v, err := observable.Parse(e.Kind, e.Value)
		if err != nil {
			continue
		}
		key, ok := h.seed.Of(v)
		if !ok {
			continue
		}
		k := entryKey{key: key, log: t.log(e.Log)}
		t.entries[k] = entry{count: uint32(e.Count), first: uint16(e.First.Unix() % 3600), last: uint16(e.Last.Unix() % 3600)}
	}
	for log, n := range x.Lines {
		t.lines[hourLog{t.log(log), 0}] = n
	}
	seg, err := h.roll(t, name)
	if err == nil {
		h.segs = append(h.segs, seg)
	}
	return err
}
