#pragma once
//! \file
//! Features drawn in the plane: exact t-SNE (van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 9, 2008),
//! by the schedule of scikit-learn's TSNE(method="exact", init="pca").

#include <array>
#include <cstddef>
#include <vector>

#include "results/kernel/features.h"

namespace resolute::results {

struct TsneOptions {
  double perplexity = 30;  //!< effective neighbours of a point; at most a third of the other points are taken
  int iterations = 1000;   //!< at least 250: so many exaggerate what is near
};

struct TsneMap {
  std::vector<std::array<double, 2>> points;  //!< one per row
  double perplexity = 0;                      //!< that was taken
  double cost = 0;  //!< Kullback-Leibler divergence of the map (equation 2), natural logarithm
};

//! A pure function: no random start, one thread, doubles. Time grows with rows² × iterations. Fewer than 4 rows, and
//! rows that are all equal, have a map of zeros and cost 0. \param features finite
TsneMap tsne(const FeatureMatrix& features, const TsneOptions& options);

namespace tsne_parts {

//! Lower triangle of a symmetric matrix of `rows`, without its diagonal: (1,0), (2,0), (2,1), …
using Triangle = std::vector<double>;
constexpr std::size_t place(std::size_t row, std::size_t column) { return row * (row - 1) / 2 + column; }

//! Squared Euclidean distances.
Triangle squared_distances(const FeatureMatrix& features);
//! p_ij of equations 1 and page 2584, which sum to 1/2 over the triangle: for each row the width of its Gaussian is
//! searched until its perplexity is the one asked for, to 1e-5 in its logarithm.
Triangle joint_probabilities(const Triangle& squared, std::size_t rows, double perplexity);
//! The divergence of a map's distances from the probabilities (equation 2).
double cost_of(const Triangle& probabilities, const std::vector<std::array<double, 2>>& points);
//! Adds the slope of cost_of() at each point (equation 5).
void add_gradient(const Triangle& probabilities, const std::vector<std::array<double, 2>>& points,
                  std::vector<std::array<double, 2>>& gradient);

}  // namespace tsne_parts

}  // namespace resolute::results
