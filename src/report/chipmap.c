#include "report/chipmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/page.h"
#include "report/report.h"

enum { MAX_MATRICES = 16, LIST_LINE = 15 };

static int piece_field(int *v, const struct json_t *o, const char *path, const char *name) {
  int64_t x;
  TRY(json_field_i64(o, path, name, 0, 1 << 20, &x));
  *v = (int)x;
  return 0;
}

// A piece of a matrix on a core, in cells. look: the number of its matrix, in the order of the file.
struct piece {
  const char *name;
  int look, core, row, column, rows, columns;
};

static int read_piece(struct piece *p, struct json_t *pieces, const char *path, size_t k,
                      const char *names[MAX_MATRICES]) {
  struct json_t *o;
  TRY(json_item_object(pieces, path, k, &o));
  TRY(json_field_text(o, path, "matrix", &p->name));
  TRY(piece_field(&p->core, o, path, "core"));
  TRY(piece_field(&p->row, o, path, "core_row"));
  TRY(piece_field(&p->column, o, path, "core_column"));
  TRY(piece_field(&p->rows, o, path, "rows"));
  TRY(piece_field(&p->columns, o, path, "columns"));
  for (p->look = 0; p->look < MAX_MATRICES && names[p->look] && strcmp(names[p->look], p->name); p->look++) {}
  if (p->look == MAX_MATRICES) return err_set(ERR_FORMAT, "%s: chip: map: more than %d matrices", path, MAX_MATRICES);
  names[p->look] = p->name;
  return 0;
}

static void put_piece_name(FILE *out, const struct piece *p) {
  html_text(out, p->name);
  fprintf(out, " (%d&#8239;&#215;&#8239;%d)</text>", p->rows, p->columns);
}

// A piece at its place with its name in it, or, where it does not hold one, in the list below, of *below entries.
static void put_piece(FILE *out, const struct piece *p, double scale, double height, int *below) {
  const double x = p->column * scale, y = p->row * scale, w = p->columns * scale, h = p->rows * scale,
               needed = 6.2 * (double)(strlen(p->name) + 11);
  fprintf(out, "<g class=\"c%d\"><rect class=\"cell\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
          p->look % CHART_LOOKS, x, y, w, h);
  if (h > needed && w > 14) {
    fprintf(out, "<text class=\"small\" transform=\"translate(%.1f %.1f) rotate(-90)\" text-anchor=\"middle\">",
            x + w / 2 + 4, y + h / 2);
  } else if (w > needed && h > 14) {
    fprintf(out, "<text class=\"small\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", x + w / 2, y + h / 2 + 4);
  } else {
    const double at = height + 17 + LIST_LINE * (*below)++;
    fprintf(out,
            "<rect class=\"cell\" x=\"1\" y=\"%.1f\" width=\"12\" height=\"10\"/><text class=\"small\" x=\"19\" "
            "y=\"%.1f\">",
            at - 9, at);
  }
  put_piece_name(out, p);
  fputs("</g>", out);
}

// One core. Its picture ends below the list, so that the pieces are drawn before it is opened.
static int put_core(FILE *out, struct json_t *map, const char *path, size_t core, int rows, int columns) {
  struct json_t *cores, *o, *pieces;
  const char *names[MAX_MATRICES] = { NULL };
  char *drawn = NULL;
  size_t size;
  double fill;
  int below = 0, rc = 0;
  TRY(json_field_array(map, path, "cores", &cores));
  TRY(json_field_array(map, path, "pieces", &pieces));
  TRY(json_item_object(cores, path, core, &o));
  TRY(json_field_f64(o, path, "fill", 0, 1, &fill));
  const double scale = 300.0 / columns, h = rows * scale;
  FILE *memory = open_memstream(&drawn, &size);
  if (!memory) return err_set(ERR_IO, "no memory for the map of the chip");
  for (size_t k = 0; k < json_length(pieces) && rc == 0; k++) {
    struct piece p;
    rc = read_piece(&p, pieces, path, k, names);
    if (rc == 0 && (size_t)p.core == core) put_piece(memory, &p, scale, h, &below);
  }
  fclose(memory);
  fprintf(out,
          "<svg class=\"plan\" viewBox=\"-1 -22 302 %.0f\" role=\"img\" aria-label=\"Core %zu\"><text "
          "class=\"title\" x=\"0\" y=\"-8\">core %zu, ",
          h + 26 + LIST_LINE * below, core, core);
  html_number(out, 100 * fill, 1);
  fprintf(out, " %% of %d &#215; %d cells in use</text><rect class=\"core\" width=\"300\" height=\"%.1f\"/>%s</svg>\n",
          rows, columns, h, drawn);
  free(drawn);
  return rc;
}

int chipmap_draw(FILE *out, const struct report_run *r) {
  struct json_t *chip, *map, *cores, *pieces;
  const char *path = r->facts_path;
  char text[512];
  int rows, columns;
  int64_t devices;
  TRY(json_field_object(r->facts, path, "chip", &chip));
  TRY(json_field_i64(chip, path, "devices", 0, INT64_MAX, &devices));
  TRY(json_field_object(chip, path, "map", &map));
  TRY(piece_field(&rows, map, path, "rows"));
  TRY(piece_field(&columns, map, path, "columns"));
  TRY(json_field_array(map, path, "cores", &cores));
  TRY(json_field_array(map, path, "pieces", &pieces));
  if (rows < 1 || columns < 1 || json_length(cores) > 256 || json_length(pieces) > 4096)
    return err_set(ERR_FORMAT, "%s: chip: map: no such chip", path);
  page_figure(out, "");
  fputs("<div class=\"cores\">\n", out);
  for (size_t k = 0; k < json_length(cores); k++) TRY(put_core(out, map, path, k, rows, columns));
  fputs("</div>\n", out);
  snprintf(text, sizeof text,
           "Where the matrix of each layer lies on the cores, in unit cells (inputs along the rows, "
           "outputs at the foot of the columns); %lld devices hold weights. "
           "A matrix higher than a core is cut, and the partial sums are added digitally.",
           (long long)devices);
  page_caption(out, "Map of the chip.", text, "metaxbar chip map");
  return 0;
}
