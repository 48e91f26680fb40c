// A page of pictures with what they were taken for.
#include "experiment/pictures.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/file.h"
#include "base/png.h"
#include "base/text.h"
#include "report/html.h"
#include "report/page.h"

static const char style[] =
  "<style>.sheet{display:flex;flex-wrap:wrap;gap:12px}.sheet figure{margin:0;width:132px;font-size:13px}"
  ".sheet img{width:128px;height:128px;image-rendering:pixelated;border:2px solid #888}"
  ".sheet .none img{border-color:#c33}.sheet figcaption{overflow-wrap:anywhere}</style>\n";

static int put_image(FILE *out, const struct pictures_result *r, int i) {
  const size_t bytes = (size_t)(r->side * r->side * r->channels);
  void *data;
  size_t size;
  TRY(png_encode(&data, &size, r->small + (size_t)i * bytes, r->side, r->side, r->channels));
  fputs("<img alt=\"\" src=\"", out);
  html_data_uri(out, "image/png", data, size);
  fputs("\">", out);
  free(data);
  return 0;
}

static int put_picture(FILE *out, const struct pictures_result *r, int i) {
  const int best = pictures_best(r, i), none = pictures_is_none(r, i);
  fprintf(out, "<figure class=\"%s\">", none ? "none" : "class");
  TRY(put_image(out, r, i));
  fputs("<figcaption><b>", out);
  html_text(out, none ? "none of these" : r->name[best]);
  fputs("</b><br>", out);
  if (none) {
    fputs("nearest to ", out);
    html_text(out, r->name[best]);
    fputs("<br>", out);
  }
  html_number(out, 100 * (double)r->probability[(size_t)i * (size_t)r->n_classes + (size_t)best], 1);
  fputs(" %, distance ", out);
  html_number(out, r->distance[i], 2);
  fputs("<br>", out);
  html_text(out, r->path[i]);
  fputs("</figcaption></figure>\n", out);
  return 0;
}

int pictures_sheet(const struct pictures_result *r, const char *path) {
  struct file_out out;
  char lead[200];
  int n = snprintf(lead, sizeof lead, "%d picture%s, %d class%s", r->n, text_s(r->n), r->n_classes,
                   text_es(r->n_classes)), rc = 0;
  if (isfinite(r->threshold))
    snprintf(lead + n, sizeof lead - (size_t)n, "; none of these beyond distance %.4g from the nearest class mean",
             r->threshold);
  TRY(file_out_open(&out, path));
  page_begin(out.stream, "Classified pictures", lead);
  fputs(style, out.stream);
  fputs("<div class=\"sheet\">\n", out.stream);
  for (int i = 0; rc == 0 && i < r->n; i++) rc = put_picture(out.stream, r, i);
  fputs("</div>\n", out.stream);
  page_end(out.stream);
  if (rc == 0) return file_out_commit(&out);
  file_out_abort(&out);
  return rc;
}
