package file

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxNeighbours is how many rotated files of one log are looked at.
const maxNeighbours = 1000

// neighbour is a rotated file of a log: auth.log.1, auth.log.2.gz,
// auth.log-20261124, access-20261124.log.
type neighbour struct {
	path   string
	stamp  string // the date in the name
	number int    // in the name, -1 when there is none
	info   os.FileInfo
}

// parents gives the logs whose past a file may be, by its name.
func parents(path string) []string {
	dir, name := filepath.Split(path)
	base := unpacked(name)
	var out []string
	if base != name {
		out = append(out, dir+base)
	}
	if _, _, ok := rotation(base); ok {
		out = append(out, dir+base[:strings.LastIndexAny(base, ".-_")])
	}
	ext := filepath.Ext(base)
	if stem := strings.TrimSuffix(base, ext); ext != "" {
		if _, _, ok := rotation(stem); ok {
			out = append(out, dir+stem[:strings.LastIndexAny(stem, ".-_")]+ext)
		}
	}
	return out
}

// unpacked takes the ending of a compressed file away.
func unpacked(name string) string {
	for _, e := range [...]string{".gz", ".zst", ".bz2", ".xz"} {
		if s, ok := strings.CutSuffix(name, e); ok {
			return s
		}
	}
	return name
}

// rotation takes the ending apart that a rotation gives.
func rotation(name string) (stamp string, number int, ok bool) {
	i := strings.LastIndexAny(name, ".-_")
	if i <= 0 {
		return "", -1, false
	}
	end := name[i+1:]
	switch {
	case end == "old" || end == "bak":
		return "", 1, true
	case end == "" || strings.Trim(end, "0123456789") != "":
		return "", -1, false
	case len(end) >= 8 && (end[:2] == "20" || end[:2] == "19"):
		return end, -1, true
	case len(end) <= 3 && name[i] == '.':
		n := 0
		for _, c := range end {
			n = n*10 + int(c-'0')
		}
		return "", n, true
	case len(end) == 10 && name[i] == '-': // seconds since 1970
		return end, -1, true
	}
	return "", -1, false
}

// neighbours finds the rotated files of a log, the oldest first.
func neighbours(path string) []neighbour {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	ext := filepath.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	var out []neighbour
	for _, e := range entries {
		name := unpacked(e.Name())
		if e.Name() == base || !e.Type().IsRegular() {
			continue
		}
		if s, ok := strings.CutPrefix(name, stem); ok && strings.HasSuffix(s, ext) && ext != "" && !strings.HasPrefix(name, base) {
			name = base + strings.TrimSuffix(s, ext) // access-20261124.log
		}
		tail, ok := strings.CutPrefix(name, base)
		if !ok || tail == "" {
			continue
		}
		stamp, number, ok := rotation("x" + tail)
		if !ok || strings.ContainsAny(tail[1:], ".-_") {
			continue
		}
		if i, err := e.Info(); err == nil {
			out = append(out, neighbour{filepath.Join(dir, e.Name()), stamp, number, i})
		}
	}
	slices.SortStableFunc(out, older)
	return out[max(0, len(out)-maxNeighbours):]
}

func older(a, b neighbour) int {
	switch {
	case a.stamp != "" && b.stamp != "":
		return strings.Compare(a.stamp, b.stamp)
	case a.number >= 0 && b.number >= 0 && a.number != b.number:
		return b.number - a.number
	}
	return cmp.Or(a.info.ModTime().Compare(b.info.ModTime()), strings.Compare(a.path, b.path))
}
