package history

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/FastFilter/xorfilter"

	"filo/internal/spool"
)

// segmentWriter writes keys that come in the order of their prefixes. The
// postings go to a second file first, so that a segment of any size needs little
// memory.
type segmentWriter struct {
	span     span
	path     string
	fps      *bufio.Writer
	posts    *bufio.Writer
	files    [2]*os.File
	shift    uint
	width    int
	index    []byte
	bucket   int
	n        int
	postSize int64
	last     uint64
	prefixes []uint64 // for the filter; nil: none
	buf      []byte
	logs     map[string]int
	meta     meta
}

// newWriter writes the segment called stem; n is at least the number of keys.
func newWriter(dir, stem string, s span, n int) (*segmentWriter, error) {
	b, width := shape(n)
	w := &segmentWriter{
		span: s, path: filepath.Join(dir, stem+".seg"), shift: prefixBits - b, width: width, index: make([]byte, 8*(1<<b+1)),
		bucket: -1, logs: map[string]int{}, meta: meta{Lines: map[string][][2]int64{}},
	}
	if s.level != 'm' && n <= maxFilter {
		w.prefixes = make([]uint64, 0, n)
	}
	for i, part := range []string{".fps.new", ".posts.new"} {
		f, err := os.Create(filepath.Join(dir, stem+part))
		if err != nil {
			w.abort()
			return nil, err
		}
		w.files[i] = f
	}
	w.fps, w.posts = bufio.NewWriterSize(w.files[0], 128<<10), bufio.NewWriterSize(w.files[1], 128<<10)
	return w, nil
}

func (w *segmentWriter) abort() {
	for _, f := range w.files {
		if f != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}
}

func (w *segmentWriter) log(name string) int {
	n, ok := w.logs[name]
	if !ok {
		n = len(w.meta.Logs)
		w.logs[name] = n
		w.meta.Logs = append(w.meta.Logs, name)
	}
	return n
}

// lines adds to how many lines of a log were read in an hour.
func (w *segmentWriter) lines(log string, hour, n int64) {
	w.log(log)
	list := w.meta.Lines[log]
	hour -= w.span.first
	i, found := slices.BinarySearchFunc(list, hour, func(x [2]int64, h int64) int { return cmp.Compare(x[0], h) })
	if found {
		list[i][1] += n
		return
	}
	w.meta.Lines[log] = slices.Insert(list, i, [2]int64{hour, n})
}

// add writes one key; its postings are put in order and those of one hour of one
// log together.
func (w *segmentWriter) add(p uint64, list []posting) error {
	if p < w.last {
		return errors.New("keys out of order")
	}
	w.last = p
	list = together(list)
	for w.bucket < int(p>>w.shift) {
		w.bucket++
		binary.LittleEndian.PutUint32(w.index[8*w.bucket:], uint32(w.n))
		binary.LittleEndian.PutUint32(w.index[8*w.bucket+4:], uint32(w.postSize))
	}
	if w.prefixes != nil {
		w.prefixes = append(w.prefixes, p)
	}
	var fp [8]byte
	binary.LittleEndian.PutUint64(fp[:], p&(1<<w.shift-1))
	if _, err := w.fps.Write(fp[:w.width]); err != nil {
		return err
	}
	b := binary.AppendUvarint(w.buf[:0], uint64(len(list)))
	hour := w.span.first
	for _, x := range list {
		b = binary.AppendUvarint(b, uint64(x.hour-hour))
		b = binary.AppendUvarint(b, uint64(x.log))
		b = binary.AppendUvarint(b, x.count)
		b = binary.AppendUvarint(b, uint64(x.first))
		b = binary.AppendUvarint(b, uint64(x.last-x.first))
		hour = x.hour
	}
	w.buf = b
	w.n++
	w.postSize += int64(len(b))
	if w.postSize > 1<<32-1 {
		return errors.New("a segment is larger than 4 GB")
	}
	_, err := w.posts.Write(b)
	return err
}

func together(list []posting) []posting {
	slices.SortFunc(list, func(a, b posting) int { return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.log, b.log)) })
	out := list[:0]
	for _, x := range list {
		if n := len(out); n > 0 && out[n-1].hour == x.hour && out[n-1].log == x.log {
			l := &out[n-1]
			l.count += x.count
			l.first, l.last = min(l.first, x.first), max(l.last, x.last)
			continue
		}
		out = append(out, x)
	}
	return out
}

// finish puts the parts together and the segment in its place.
func (w *segmentWriter) finish() (err error) {
	defer w.abort()
	if err := errors.Join(w.fps.Flush(), w.posts.Flush()); err != nil {
		return err
	}
	for w.bucket < len(w.index)/8-1 {
		w.bucket++
		binary.LittleEndian.PutUint32(w.index[8*w.bucket:], uint32(w.n))
		binary.LittleEndian.PutUint32(w.index[8*w.bucket+4:], uint32(w.postSize))
	}
	head := make([]byte, segHead)
	filter, err := w.filter(head)
	if err != nil {
		return err
	}
	about, err := json.Marshal(w.meta)
	if err != nil {
		return err
	}
	return w.join(head, filter, about)
}

func (w *segmentWriter) filter(head []byte) ([]byte, error) {
	if len(w.prefixes) == 0 {
		return nil, nil
	}
	f, err := xorfilter.PopulateBinaryFuse8(slices.Compact(w.prefixes))
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	le.PutUint64(head[56:], f.Seed)
	le.PutUint32(head[64:], f.SegmentLength)
	le.PutUint32(head[68:], f.SegmentLengthMask)
	le.PutUint32(head[72:], f.SegmentCount)
	le.PutUint32(head[76:], f.SegmentCountLength)
	return f.Fingerprints, nil
}

func (w *segmentWriter) join(head, filter, about []byte) error {
	t, err := os.Create(w.path + ".new")
	if err != nil {
		return err
	}
	defer os.Remove(t.Name()) // fails once it has its name
	defer t.Close()
	sum := crc32.New(castagnoli)
	out := bufio.NewWriterSize(io.MultiWriter(t, sum), 128<<10)
	if _, err := t.Write(head); err != nil {
		return err
	}
	le := binary.LittleEndian
	copy(head, segMagic)
	le.PutUint64(head[8:], uint64(w.n))
	end := uint64(segHead)
	parts := []func() (int64, error){bytesOf(out, w.index), fileOf(out, w.files[0]), fileOf(out, w.files[1]), bytesOf(out, filter), bytesOf(out, about)}
	for i, write := range parts {
		n, err := write()
		if err != nil {
			return err
		}
		end += uint64(n)
		le.PutUint64(head[16+8*i:], end)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	le.PutUint32(head[84:], sum.Sum32())
	le.PutUint32(head[segHead-4:], crc32.Checksum(head[:segHead-4], castagnoli))
	if _, err := t.WriteAt(head, 0); err != nil {
		return err
	}
	if err := errors.Join(t.Sync(), t.Close()); err != nil {
		return err
	}
	if err := os.Rename(t.Name(), w.path); err != nil {
		return err
	}
	return spool.SyncDir(filepath.Dir(w.path))
}

func bytesOf(w io.Writer, b []byte) func() (int64, error) {
	return func() (int64, error) {
		n, err := w.Write(b)
		return int64(n), err
	}
}

func fileOf(w io.Writer, f *os.File) func() (int64, error) {
	return func() (int64, error) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return 0, err
		}
		return io.Copy(w, f)
	}
}
