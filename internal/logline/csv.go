package logline

import "bytes"

// maxColumns bounds the columns of one row.
const maxColumns = 256

// row cuts one row of a table into its cells. Quoted cells may hold the
// separator, and a doubled quote for one quote.
func (r *Reader) row(b []byte, sep byte, cells [][]byte) [][]byte {
	for len(cells) < maxColumns-1 {
		if len(b) == 0 || b[0] != '"' {
			i := bytes.IndexByte(b, sep)
			if i < 0 {
				return append(cells, b)
			}
			cells = append(cells, b[:i])
			b = b[i+1:]
			continue
		}
		cell, rest, more := r.quotedCell(b[1:], sep)
		cells = append(cells, cell)
		if !more {
			return cells
		}
		b = rest
	}
	return append(cells, b)
}

// quotedCell reads from behind the opening quote.
func (r *Reader) quotedCell(b []byte, sep byte) (cell, rest []byte, more bool) {
	from, copied := len(r.buf), false
	start := 0
	for i := 0; i < len(b); i++ {
		if b[i] != '"' {
			continue
		}
		if i+1 < len(b) && b[i+1] == '"' {
			r.buf = append(r.buf, b[start:i+1]...)
			start, copied = i+2, true
			i++
			continue
		}
		cell = b[start:i]
		if copied {
			r.buf = append(r.buf, cell...)
			cell = r.buf[from:]
		}
		b = b[i+1:]
		if len(b) == 0 || b[0] != sep {
			j := bytes.IndexByte(b, sep)
			if j < 0 {
				return cell, nil, false
			}
			return cell, b[j+1:], true
		}
		return cell, b[1:], true
	}
	if copied {
		r.buf = append(r.buf, b[start:]...)
		return r.buf[from:], nil, false
	}
	return b, nil, false // a line that was cut
}

// cells of a row, without making a slice for each line.
func (r *Reader) split(b []byte, sep byte) [][]byte {
	r.cells = r.row(b, sep, r.cells[:0])
	return r.cells
}

// at gives a cell by its number from 0, or nil.
func at(cells [][]byte, i int) []byte {
	if i < len(cells) {
		return cells[i]
	}
	return nil
}
